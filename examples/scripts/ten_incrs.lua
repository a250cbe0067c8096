-- Ten increments of one key, each a command of its own.
--
-- KEYS[1]  the counter
--
-- Replies  the value after the last increment, an integer
--          an error when the key holds no number; nothing changed
--
-- Atomic: nobody ever sees the counter between two of the ten, only all of them or none. One INCRBY
-- would do the same work faster; the loop is here to measure what a command inside a script costs.
--
-- redis-cli -c --eval ten_incrs.lua hits:{home}

local value
for _ = 1, 10 do
  value = redis.call('INCR', KEYS[1])
end
return value
