-- Add to a counter. The plainest script there is: one key, one command.
--
-- KEYS[1]  the counter
-- ARGV[1]  by how much; may be negative
--
-- Replies  the new value, an integer
--          an error when the key holds no number, or ARGV[1] is none; nothing changed
--
-- Atomic: read, add and write are one step, as they are in a bare INCRBY. The script adds nothing
-- to that; it is here to show what a script costs over the bare command, and as a start for more.
--
-- redis-cli -c --eval counter.lua visits:{home} , 5

return redis.call('INCRBY', KEYS[1], ARGV[1])
