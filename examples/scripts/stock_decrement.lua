-- Sell one item, or several, out of a stock, and never more than there is.
--
-- KEYS[1]  the stock: a string that holds a whole number
-- ARGV[1]  how many to sell; optional, 1 when absent
--
-- Replies   1  sold, the stock is smaller by that many
--           0  not enough left, nothing changed
--          -1  no such item, nothing changed
--          an error when the stock or ARGV[1] is not a positive whole number; nothing changed
--
-- Atomic: between the look at the stock and the decrement nobody else can buy. As three requests
-- of a client (EXISTS, GET, DECRBY), two buyers could both see the last item and both take it.
--
-- redis-cli -c --eval stock_decrement.lua stock:{shoes} , 1

-- A missing item is not an item that is sold out: the shop must not list it at all.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return -1
end

local wanted = tonumber(ARGV[1] or '1')
-- Written so that it also refuses NaN. A negative number would fill the stock up.
if not wanted or not (wanted >= 1) or wanted ~= math.floor(wanted) then
  return redis.error_reply('ERR the quantity must be a positive whole number')
end

local left = tonumber(redis.call('GET', KEYS[1]))
if not left then
  return redis.error_reply('ERR the stock is not a number')
end
if left < wanted then
  return 0
end

redis.call('DECRBY', KEYS[1], wanted)
return 1
