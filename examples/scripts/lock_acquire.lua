-- Take a lock that ends by itself. Given back by lock_release.lua.
--
-- KEYS[1]  the lock
-- ARGV[1]  the owner's token: random, and new for each attempt, so that only the owner can release
-- ARGV[2]  for how many seconds at most; a positive whole number
--
-- Replies  1  the caller has the lock
--          0  somebody has it, nothing changed
--          an error when ARGV[2] is not a whole number; nothing changed
--
-- Atomic: the lock never exists without its expiry. With SETNX and EXPIRE as two requests, a client
-- that dies between them leaves a lock that nobody can ever take. The same holds inside the script:
-- should EXPIRE fail (a lifetime that is no number), Atoll takes the SETNX back; Redis keeps it.
--
-- redis-cli -c --eval lock_acquire.lua lock:{report} , 5f0c9a1e 30

if redis.call('SETNX', KEYS[1], ARGV[1]) == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  return 1
end
return 0
