-- Tries every way to change every table. Returns how many there are, or what has worked.
local own = {KEYS = true, ARGV = true, ["pairs({})[2]"] = true, ["cjson.new()[1]"] = true,
  ["cjson.decode[1]"] = true, ["cjson.decode[1].1"] = true, ["redis.pcall[1]"] = true,
  ["pcall[2]"] = true, ["_G.KEYS"] = true, ["_G.ARGV"] = true}
local tables = {}
walk(function(path, value, first)
  if type(value) == "table" and not first and not own[path] then
    tables[#tables + 1] = {path, value}
  end
end)
local wrong = {}
for _, entry in ipairs(tables) do
  local path, t = entry[1], entry[2]
  local key = next(t)
  for name, attempt in pairs({
    ["new field"] = function() t.x = 1 end,
    ["new item"] = function() t[1] = 1 end,
    ["old field"] = function() t[key] = 1 end,
    ["field away"] = function() t[key] = nil end,
    ["rawset new"] = function() rawset(t, "x", 1) end,
    ["rawset old"] = function() rawset(t, key, nil) end,
    ["insert"] = function() table.insert(t, 1) end,
    ["insert before"] = function() table.insert(t, 1, 1) end,
    ["metatable"] = function() setmetatable(t, {}) end,
    ["no metatable"] = function() setmetatable(t, nil) end,
    ["through another table"] = function() setmetatable({}, {__newindex = t}).x = 1 end,
    ["foreach"] = function() table.foreach(t, function(k) t[k] = nil end) end,
    ["a pairs loop"] = function() for k in pairs(t) do rawset(t, k, nil) end end,
    ["what pairs gives"] = function()
      local _, state = pairs(t) rawset(state, "x", 1)
    end,
    ["what ipairs gives"] = function()
      local _, state = ipairs(t) rawset(state, "x", 1)
    end,
    ["index of its metatable"] = function() getmetatable(t).__index = {} end,
    ["a loaded function"] = function() loadstring("local t = ... t.x = 1")(t) end,
    ["a coroutine"] = function() coroutine.wrap(function() t.x = 1 end)() end,
  }) do
    local ok, err = pcall(attempt)
    local expected = name == "index of its metatable" and getmetatable(t) == nil and
      "attempt to index" or "Attempt to modify a readonly table"
    if ok or not string.find(tostring(err), expected, 1, true) then
      wrong[#wrong + 1] = path .. ", " .. name .. ": " .. tostring(err)
    end
  end
  -- Without a list part, these find nothing to do.
  table.sort(t) table.remove(t) table.remove(t, 1)
end
return #wrong > 0 and wrong or #tables
