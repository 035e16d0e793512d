-- Takes a partition over: a new epoch, never one that was used before, also when Redis has lost
-- the old one. KEYS[1] is pos.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local old = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local epoch = math.max(old + 1, ms)
local text = string.format('%.0f', epoch)
redis.call('HSET', KEYS[1], 'epoch', text)
redis.call('HSETNX', KEYS[1], 'commit', '0')
return {text, redis.call('HGET', KEYS[1], 'commit'), redis.call('HGET', KEYS[1], 'topic') or '', redis.call('HGET', KEYS[1], 'offset') or ''}
