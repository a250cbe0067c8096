-- Calls `visit(path, value, first)` for all that can be reached from the globals and from what functions
-- hand out; `first` is the path under which a value has been visited before.
local function walk(visit)
  local seen = {}
  local function keys(t)
    local list = {}
    for key in pairs(t) do list[#list + 1] = key end
    table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
    return list
  end
  local function go(path, value)
    local kind = type(value)
    local is_object = kind ~= "number" and kind ~= "string" and kind ~= "boolean"
    visit(path, value, is_object and seen[value])
    if not is_object or value == nil or seen[value] then return end
    seen[value] = path
    if kind == "table" then
      for _, key in ipairs(keys(value)) do
        go(path .. "." .. tostring(key), rawget(value, key))
      end
    end
    local metatable = getmetatable(value)
    if metatable ~= nil then go(path .. "<metatable>", metatable) end
  end
  local function all(path, ...)
    for at = 1, select("#", ...) do go(path .. "[" .. at .. "]", (select(at, ...))) end
  end
  go("_G", _G)
  go("string", "")
  go("string<metatable>", getmetatable(""))
  all("pairs(string)", pairs(string))
  all("pairs(_G)", pairs(_G))
  all("pairs({})", pairs({}))
  all("ipairs(string)", ipairs(string))
  all("next(os)", next(os))
  all("cjson.new()", cjson.new())
  all("cjson.decode", cjson.decode('[{"a":null}]'))
  all("string.gmatch", string.gmatch("a", "a"))
  all("coroutine.wrap", coroutine.wrap(function() end))
  all("coroutine.running()", coroutine.running())
  all("coroutine.running() inside", coroutine.wrap(function() return coroutine.running() end)())
  all("loadstring", loadstring("return _G, ..."))
  all("loadstring()", loadstring("return _G, ...")())
  all("redis.pcall", redis.pcall("nosuch"))
  all("pcall", pcall(error, {}))
  all("xpcall", xpcall(function() string.x = 1 end, type))
  all("table.foreach", table.foreach(os, function(k, v) return v end))
end
