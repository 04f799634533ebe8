-- SPDX-License-Identifier: MIT
-- Adds runs to the log that several forewarms share, each id once. Keys: the ids (a sorted set by when they
-- came), the log (a stream). Arguments: how many ids are kept, then an id and its facts for each run.
-- Answers 1 for an id that was there, else 0.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local known = {}
for i = 2, #ARGV, 2 do
    if redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now), ARGV[i]) == 1 then
        redis.call('XADD', KEYS[2], '*', 'f', ARGV[i + 1])
        known[#known + 1] = 0
    else
        known[#known + 1] = 1
    end
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
return known
