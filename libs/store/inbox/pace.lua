-- A turn within a sliding window. KEYS[1] is the list of the newest turns, newest first; ARGV[1] is
-- how many fit, ARGV[2] the window in ms. Answers 0, or how many ms to wait.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local first = redis.call('LINDEX', KEYS[1], most - 1)
if first and tonumber(first) + window > ms then
  return tonumber(first) + window - ms
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', ms))
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], window)
return 0
