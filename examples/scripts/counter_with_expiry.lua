-- Count uses in a window of time that starts with the first use: a rate limit.
--
-- KEYS[1]  the counter, one for each thing that is limited, for example rate:{user:7}
-- ARGV[1]  length of the window in seconds
--
-- Replies  how often the counter was used in this window, this use included. The caller refuses the
--          request when the reply is above its limit.
--          an error when ARGV[1] is not a whole number; nothing changed
--
-- Atomic: the counter never exists without its expiry. As two requests of a client, a client that
-- dies between INCR and EXPIRE leaves a counter that never ends, and its user locked out for ever.
-- The same holds inside the script: should EXPIRE fail, Atoll takes the INCR back as well.
--
-- redis-cli -c --eval counter_with_expiry.lua rate:{user:7} , 60

local uses = redis.call('INCR', KEYS[1])
-- Only the first use starts the clock: renewing it each time would never let a busy user in again.
if uses == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return uses
