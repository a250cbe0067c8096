-- Move an amount from one counter to another by WATCH, MULTI, EXEC and DISCARD inside a script.
--
-- KEYS[1]  the counter to take from
-- KEYS[2]  the counter to add to, with the same hash tag
-- ARGV[1]  how much; a positive whole number
--
-- Replies  an array, what EXEC gives: both counters after the move
--          nil when there is too little to take: DISCARD, nothing changed
--          an error when a counter is no number; nothing changed
--
-- Atomic: all commands between MULTI and EXEC, and here the reads before them too, since the whole
-- script runs alone on its shard. WATCH therefore always holds in a script: EXEC never gives up
-- because of another client. Much that is written on Redis shows scripts of this form, although
-- Redis itself refuses them ("This Redis command is not allowed from script"); Atoll runs them.
-- New scripts need none of it: plain redis.call, and error() to take everything back.
--
-- redis-cli -c --eval watch_multi_exec.lua {till}:left {till}:right , 20

redis.call('WATCH', KEYS[1])
local available = tonumber(redis.call('GET', KEYS[1]) or '0')

redis.call('MULTI')
-- Both answer QUEUED: nothing has happened yet, so DISCARD below has nothing to undo.
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('INCRBY', KEYS[2], ARGV[1])

if available < tonumber(ARGV[1]) then
  redis.call('DISCARD')
  -- DISCARD has dropped the WATCH as well.
  return false
end
return redis.call('EXEC')
