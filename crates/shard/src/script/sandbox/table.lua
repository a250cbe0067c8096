-- The functions of the table library that are more than Lua's own.
--
-- No hook runs inside a function written in C, so one call of it on a huge table could not be
-- stopped. Beyond the sizes below the work is done by Lua code instead, or by a function of the
-- host that looks whether the script is to end.
local shown, refuse_plain, libraries = ...

local raw_get, raw_set, raw_type = rawget, rawset, type
local raw_error, raw_pcall = error, pcall
local raw_getmetatable, select, tonumber = getmetatable, select, tonumber
local insert, concat, sort = table.insert, table.concat, table.sort
local remove, maxn, getn = table.remove, table.maxn, table.getn
local foreach, foreachi = table.foreach, table.foreachi
local find, sub, max = string.find, string.sub, math.max
local concat_watched = libraries.sandbox.concat

-- Items that Lua's own sort may have: it compares up to the square of this a quarter of times.
local SORTED_MAX = 2000
-- The same with a function that compares, which may be one in C and take long itself.
local COMPARED_MAX = 250
-- Places by which Lua's own insert may move items.
local MOVED_MAX = 1000000
-- Items that Lua's own concat may have.
local JOINED_MAX = 10000

local lib = { maxn = maxn, getn = getn, remove = remove }

-- Inserts before more than MOVED_MAX places. Positions are cut like integers of C.
local function insert_far(t, at, value)
  at = max(at, -2 ^ 31)
  at = at - at % (at < 0 and -1 or 1)
  for to = #t + 1, at + 1, -1 do
    local item = raw_get(t, to - 1)
    if item ~= nil or raw_get(t, to) ~= nil then
      raw_set(t, to, item)
    end
  end
  raw_set(t, at, value)
end

function lib.insert(t, ...)
  if shown[t] then
    refuse_plain()
  end
  if select("#", ...) == 2 then
    local at, value = ...
    at = tonumber(at)
    if raw_type(t) == "table" and at and #t - at > MOVED_MAX then
      return insert_far(t, at, value)
    end
  end
  return insert(t, ...)
end

function lib.concat(...)
  local t, separator, first, last = ...
  if raw_type(t) == "table" then
    local from = first == nil and 1 or tonumber(first)
    local to = last == nil and #t or tonumber(last)
    if from and to and to - from >= JOINED_MAX then
      return concat_watched(t, separator, from, to)
    end
  end
  return concat(...)
end

-- A function of a script must not get a table behind a proxy: these hand over what is in it only.
function lib.foreach(t, ...)
  return foreach(shown[t] or t, ...)
end

function lib.foreachi(t, ...)
  return foreachi(shown[t] or t, ...)
end

function lib.setn()
  raw_error("'setn' is obsolete", 2)
end

-- Puts the first, the last and the middle item of a range in order.
local function order_three(list, low, middle, high, less)
  if less(list[high], list[low]) then
    list[low], list[high] = list[high], list[low]
  end
  if middle > low then
    if less(list[middle], list[low]) then
      list[middle], list[low] = list[low], list[middle]
    elseif less(list[high], list[middle]) then
      list[middle], list[high] = list[high], list[middle]
    end
  end
end

-- Parts a range by the item in place high - 1: what is smaller comes before it. Returns its new
-- place; nil when the order contradicts itself.
local function part(list, low, high, less)
  local pivot = list[high - 1]
  local left, right = low + 1, high - 2
  while true do
    while less(list[left], pivot) do
      if left > high then
        return nil
      end
      left = left + 1
    end
    while less(pivot, list[right]) do
      if right < low then
        return nil
      end
      right = right - 1
    end
    if right < left then
      break
    end
    list[left], list[right] = list[right], list[left]
    left, right = left + 1, right - 1
  end
  list[high - 1], list[left] = list[left], pivot
  return left
end

-- Quicksort with the choices of Lua's own, so that equal items end where they end there. Returns
-- false when the order contradicts itself.
local function sort_range(list, low, high, less)
  while low < high do
    local middle = (low + high - (low + high) % 2) / 2
    order_three(list, low, middle, high, less)
    if high - low <= 2 then
      break
    end
    list[middle], list[high - 1] = list[high - 1], list[middle]
    local at = part(list, low, high, less)
    if not at then
      return false
    end
    local smaller_low, smaller_high = low, at - 1
    if at - low < high - at then
      low = at + 1
    else
      smaller_low, smaller_high, high = at + 1, high, at - 1
    end
    if not sort_range(list, smaller_low, smaller_high, less) then
      return false
    end
  end
  return true
end

local function is_less(a, b)
  return a < b
end

-- Whether all items are numbers, or all are strings: comparing them cannot fail.
local function is_uniform(list, count)
  local kind = raw_type(list[1])
  for at = 2, count do
    if raw_type(list[at]) ~= kind then
      return false
    end
  end
  return kind == "number" or kind == "string"
end

-- Sorts items by `<`. Returns what sort_range does, or nil and an error that has no position, as
-- errors that come from C do.
local function sort_plain(list, count)
  if is_uniform(list, count) then
    return sort_range(list, 1, count, is_less)
  end
  local ok, result = raw_pcall(sort_range, list, 1, count, is_less)
  if ok then
    return result
  end
  if raw_type(result) == "string" then
    local _, last = find(result, "^atoll:%d+: ")
    result = sub(result, (last or 0) + 1)
  end
  return nil, result
end

-- Calls `sort` with the items of a list that has a metatable, which is not to be asked.
local function sort_raw(t, count, sort_list, less)
  local list = {}
  for at = 1, count do
    list[at] = raw_get(t, at)
  end
  local ordered, err = sort_list(list, count, less)
  for at = 1, count do
    raw_set(t, at, list[at])
  end
  return ordered, err
end

local function sort_compared(list, count, less)
  return sort_range(list, 1, count, less)
end

local function sort_huge(t, count, less)
  local sort_list = less and sort_compared or sort_plain
  local ordered, err
  if raw_getmetatable(t) == nil then
    ordered, err = sort_list(t, count, less)
  else
    ordered, err = sort_raw(t, count, sort_list, less)
  end
  if ordered == false then
    raw_error("invalid order function for sorting", 2)
  elseif ordered == nil then
    raw_error(err, 0)
  end
end

function lib.sort(...)
  local t, less = ...
  if raw_type(t) == "table" then
    local count = #t
    if count > SORTED_MAX and less == nil then
      return sort_huge(t, count, nil)
    elseif count > COMPARED_MAX and raw_type(less) == "function" then
      return sort_huge(t, count, less)
    end
  end
  return sort(...)
end

return lib
