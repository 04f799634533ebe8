-- SPDX-License-Identifier: MIT
-- The snapshot of what was learned from the log, unless there is a later one. The log goes up to where the
-- snapshot before it was: whoever follows it has a snapshot's time to do so. Keys: the snapshot (a hash), the
-- log. Arguments: version, place, state. Answers 1 if it was taken.
local function before(a, b)
    local am, an = string.match(a, '^(%d+)-(%d+)$')
    local bm, bn = string.match(b, '^(%d+)-(%d+)$')
    am, an, bm, bn = tonumber(am), tonumber(an), tonumber(bm), tonumber(bn)
    return am < bm or (am == bm and an < bn)
end
local old = redis.call('HMGET', KEYS[1], 'version', 'at')
if old[1] and tonumber(old[1]) > tonumber(ARGV[1]) then
    return 0
end
if old[2] and not before(old[2], ARGV[2]) then
    return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'at', ARGV[2], 'state', ARGV[3], 'from', old[2] or '0-0')
if old[2] then
    -- A Redis before 6.2 cannot trim by place: there the log is as long as a million runs.
    if type(redis.pcall('XTRIM', KEYS[2], 'MINID', old[2])) == 'table' then
        redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', 1000000)
    end
end
return 1
