-- collectgarbage: the collector is the shard's, not the script's. A script can make it work, step by
-- step, so that a hook runs in between; it cannot stop it or change its pace for the next script.
local collect = collectgarbage
local raw_error, raw_type, tonumber = error, type, tonumber

-- Kilobytes that are collected in one go.
local WHOLE_MAX = 8192

-- What Lua 5.1 begins with.
local PACE = 200

local options = {}

function options.count()
  return collect("count")
end

-- The cycle that is under way, and then a whole one: what is garbage now is gone afterwards.
function options.collect()
  if collect("count") <= WHOLE_MAX then
    return collect("collect")
  end
  for _ = 1, 2 do
    repeat until collect("step", 0)
  end
  return 0
end

function options.step(kilobytes)
  repeat
    if collect("step", 0) then
      return true
    end
    kilobytes = kilobytes - 1
  until kilobytes < 0
  return false
end

function options.stop()
  return 0
end

options.restart = options.stop

function options.setpause()
  return PACE
end

options.setstepmul = options.setpause

return function(option, number)
  if option == nil then
    option = "collect"
  end
  local act = options[option]
  if not act then
    local kind = raw_type(option)
    if kind == "string" or kind == "number" then
      raw_error("bad argument #1 to 'collectgarbage' (invalid option '" .. option .. "')", 2)
    end
    raw_error("bad argument #1 to 'collectgarbage' (string expected, got " .. kind .. ")", 2)
  end
  local amount = number == nil and 0 or tonumber(number)
  if not amount then
    local got = raw_type(number)
    raw_error("bad argument #2 to 'collectgarbage' (number expected, got " .. got .. ")", 2)
  end
  return act(amount)
end
