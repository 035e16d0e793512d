-- One commit of an inbox partition. KEYS[1] is pos, KEYS[2] the log; ARGV[1], ARGV[2] are the
-- owner's epoch and the commit number it builds on; then come the writes, each as: number of
-- words, command, index of its key, arguments. All checks stand before all writes, because Redis
-- does not roll a script back.
local pos = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
local epoch = pos[1] or ''
local commit = pos[2] or ''
if epoch ~= ARGV[1] or commit ~= ARGV[2] then
  return {0, epoch, commit}
end
local i = 3
while i <= #ARGV do
  local n = tonumber(ARGV[i])
  local words = {}
  for w = 1, n do
    words[w] = ARGV[i + w]
  end
  words[2] = KEYS[tonumber(words[2])]
  redis.call(unpack(words))
  i = i + n + 1
end
redis.call('HINCRBY', KEYS[1], 'commit', 1)
return {1, epoch, commit}
