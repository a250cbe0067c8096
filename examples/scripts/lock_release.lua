-- Give back a lock that lock_acquire.lua took, if it is still the caller's.
--
-- KEYS[1]  the lock
-- ARGV[1]  the token that the lock was taken with
--
-- Replies  1  released
--          0  the lock is somebody else's by now, or has ended; nothing changed
--
-- Atomic: the lock that is compared is the lock that is deleted. With GET and DEL as two requests,
-- the lock can end and be taken by another client between them, and DEL then frees that client's.
--
-- redis-cli -c --eval lock_release.lua lock:{report} , 5f0c9a1e

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
