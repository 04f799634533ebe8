-- SPDX-License-Identifier: MIT
-- What several forewarms know together about loading one resource: all of it is decided here, at once, by
-- Redis's own clock. Keys: the epoch of all, the resource's flight (a hash), who uses it (a sorted set by
-- when that runs out), and the number of the node's latest request. test/unit/edge/lease_model.h says the same in C, for the simulation.
local op, node, run = ARGV[1], ARGV[2], ARGV[3]
local lease, token, following, not_there = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local phase, reason, number = ARGV[8], ARGV[9], tonumber(ARGV[10])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function text(value)
    return string.format('%.0f', value)
end

-- What was given up by who asked may still arrive, behind what was asked later: it is too late.
if number <= (tonumber(redis.call('GET', KEYS[4])) or 0) then
    return {'lost', 0, 0, 0, '', '', 'cold', ''}
end
redis.call('SET', KEYS[4], text(number), 'PX', 3600000)

-- A Redis that has just started may have forgotten leases that still run: it grants none for one lease time.
local epoch = redis.call('HMGET', KEYS[1], 'run', 'since')
local since = tonumber(epoch[2]) or now
if epoch[1] ~= run or since > now then
    since = now
    redis.call('HSET', KEYS[1], 'run', run, 'since', text(now))
end
local quiet = since + lease - now

local f = redis.call('HMGET', KEYS[2], 'token', 'holder', 'until', 'phase', 'by', 'reason')
local at, holder, ends = tonumber(f[1]) or 0, f[2] or '', tonumber(f[3]) or 0
local now_phase, by, why = f[4] or 'cold', f[5] or '', f[6] or ''
local held = holder ~= '' and ends > now
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))

local function others()
    return redis.call('ZCARD', KEYS[3]) - (redis.call('ZSCORE', KEYS[3], node) and 1 or 0)
end
local function put()
    redis.call('HSET', KEYS[2], 'token', text(at), 'holder', holder, 'until', text(ends), 'phase', now_phase,
        'by', by, 'reason', why)
end
local function use()
    redis.call('ZADD', KEYS[3], text(now + lease), node)
    redis.call('PEXPIRE', KEYS[3], lease * 2)
end
-- Higher than every token before, also when Redis has lost what it knew: by what the node knows, and by time.
local function grant(what)
    at = math.max(at + 1, token + 1, now)
    holder, ends, now_phase, by, why = node, now + lease, what, node, ''
    redis.call('ZREM', KEYS[3], node)
    put()
end
local function let_go(what)
    holder, ends, now_phase = '', 0, what
    put()
end

local verdict = 'ok'
if op == 'load' then
    if held and holder ~= node then
        verdict = 'held'
    elseif not held and now_phase == 'proven' and others() > 0 and at ~= not_there then
        use()
        verdict = 'joined'
    elseif not held and now_phase == 'failed' and following > 0 and at == following then
        verdict = 'failed'
    elseif quiet > 0 then
        verdict = 'wait'
    else
        grant('loading')
        verdict = 'granted'
    end
elseif op == 'renew' then
    if at == token and holder == node then
        ends = now + lease
        put()
    elseif at < token then -- Redis forgot it
        at, holder, ends, now_phase, by, why = token, node, now + lease, phase, node, ''
        put()
    else
        verdict = 'lost'
    end
elseif op == 'proven' then
    if (at == token and (holder == node or now_phase == 'proven')) or at < token then
        at, by, why = token, node, ''
        let_go('proven')
        use()
    else
        verdict = 'lost'
    end
elseif op == 'failed' or op == 'unloaded' then
    if at == token and holder == node then
        why = reason
        let_go(phase)
    end
elseif op == 'beat' then
    if now_phase == 'proven' and at >= token then
        use()
    elseif at < token and not held then -- Redis forgot it
        at, by = token, node
        let_go('proven')
        use()
    else
        verdict = 'lost'
    end
elseif op == 'claim' then
    if held and holder ~= node then
        verdict = 'held'
    elseif now_phase == 'proven' and others() > 0 then
        use()
    elseif quiet > 0 then
        verdict = 'wait'
    else
        grant('proven')
        let_go('proven')
        use()
    end
elseif op == 'leave' then
    redis.call('ZREM', KEYS[3], node)
    if (held and holder ~= node) or (not held and now_phase == 'proven' and others() > 0) then
        verdict = 'others'
    elseif quiet > 0 then
        verdict = 'wait'
    else
        grant('unloading')
        verdict = 'granted'
    end
elseif op == 'gone' then
    if at == token and now_phase == 'proven' then
        redis.call('DEL', KEYS[3])
        let_go('cold')
    end
elseif op == 'bye' then
    redis.call('ZREM', KEYS[3], node)
    if holder == node then
        let_go('cold')
    end
end
if redis.call('EXISTS', KEYS[2]) == 1 then -- what nobody has asked for in a month is forgotten
    redis.call('EXPIRE', KEYS[2], 2592000)
end
return {verdict, at, others(), math.max(quiet, 0), holder, by, now_phase, why}
