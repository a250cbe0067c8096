-- Change a value only if it is still what the caller last saw.
--
-- KEYS[1]  the key, a string
-- ARGV[1]  the value that the caller expects
-- ARGV[2]  the new value
--
-- Replies  OK        changed; an expiry that the key had stays
--          MISMATCH  (an error) the key holds something else, or does not exist; nothing changed
--
-- Atomic: nobody can write between the comparison and the change. Clients get the same with WATCH,
-- GET, MULTI, SET, EXEC: four round trips in place of one, and a retry whenever EXEC finds the key
-- changed, even if it was changed back.
--
-- redis-cli -c --eval compare_and_set.lua config:{site} , old new

-- The error is *returned*, not raised, so the caller gets it without " script: ..." behind it.
-- A missing key gives false, which equals no string.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('MISMATCH the value is not the expected one')
end
return redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
