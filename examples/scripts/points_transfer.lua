-- Move points from one account to another.
--
-- KEYS[1]  the account that gives: a hash with the field "points"
-- KEYS[2]  the account that receives: likewise, with the same hash tag as KEYS[1]
-- ARGV[1]  how many points; a positive whole number
--
-- Replies  an array of both balances after the transfer: giver, receiver
--          AMOUNT   the amount is not a positive whole number
--          ACCOUNT  an account does not exist, its balance is no number, or both are the same one
--          FUNDS    the giver has not enough
--          After an error nothing has changed.
-- Both accounts also get the field "changed": the time of the transfer in seconds since 1970.
--
-- Atomic: nobody sees the points gone from one account and not yet in the other, and no error can
-- leave them so. Every check stands BEFORE the first write: a script that *returns* an error has
-- ended as it meant to, so its writes stay (in Redis and in Atoll). Only an error that is *raised*
-- makes Atoll take writes back.
--
-- redis-cli -c --eval points_transfer.lua {shop}:ann {shop}:bob , 30

-- Whole numbers above this one lose digits in Lua, whose only numbers are doubles.
local EXACT_MAX = 9007199254740992

local amount = tonumber(ARGV[1])
-- Written so that it also refuses NaN.
if not amount or not (amount >= 1 and amount <= EXACT_MAX) or amount ~= math.floor(amount) then
  return {err = 'AMOUNT must be a positive whole number'}
end
-- To oneself, the second HSET would win and make points out of nothing.
if KEYS[1] == KEYS[2] then
  return {err = 'ACCOUNT giver and receiver are the same'}
end

-- HGET answers false for a field that is missing, and tonumber(false) is nil.
local giver = tonumber(redis.call('HGET', KEYS[1], 'points'))
if not giver then
  return {err = 'ACCOUNT no such account to give from'}
end
local receiver = tonumber(redis.call('HGET', KEYS[2], 'points'))
if not receiver then
  return {err = 'ACCOUNT no such account to give to'}
end
if giver < amount then
  return {err = 'FUNDS not enough points'}
end
if receiver + amount > EXACT_MAX then
  return {err = 'AMOUNT the receiver cannot hold so many points'}
end

local now = redis.call('TIME')[1]
redis.call('HSET', KEYS[1], 'points', giver - amount, 'changed', now)
redis.call('HSET', KEYS[2], 'points', receiver + amount, 'changed', now)
return {giver - amount, receiver + amount}
