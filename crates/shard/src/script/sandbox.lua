-- The sandbox: what script code sees. Runs once for each VM, before any script, with Lua's own
-- libraries still in place. Returns two tables: the one that scripts have as their globals, and the one
-- behind it in which the host sets KEYS and ARGV.
--
-- Library tables are shown through proxies: empty tables that read from the real ones and refuse
-- to be written to. Functions that could see through a proxy (rawset, next, pairs, …) know them.
local redis, libraries, savepoint = ...

local raw_next, raw_pairs, raw_ipairs = next, pairs, ipairs
local raw_pcall, raw_error, raw_type = pcall, error, type
local raw_get, raw_set = rawget, rawset
local raw_getmetatable, raw_setmetatable = getmetatable, setmetatable
local raw_loadstring, raw_load = loadstring, load
local raw_insert, raw_remove, raw_sort = table.insert, table.remove, table.sort
local tostring = tostring

local READONLY = "Attempt to modify a readonly table"

-- Proxy to the real table it shows.
local shown = {}

local function refuse()
  raw_error(READONLY, 2)
end

local function refuse_plain()
  raw_error(READONLY, 0)
end

local function protect(real)
  local proxy = raw_setmetatable({}, { __index = real, __newindex = refuse, __metatable = false })
  shown[proxy] = real
  return proxy
end

local function pick(from, names)
  local picked = {}
  for name in names:gmatch("%S+") do
    picked[name] = from[name]
  end
  return picked
end

-- Names of Lua 5.1 that LuaJIT has dropped.
string.gfind = string.gmatch
math.mod = math.fmod

local G = {}

for name in ([[assert collectgarbage error gcinfo rawequal select tonumber tostring type unpack
  xpcall]]):gmatch("%S+") do
  G[name] = _G[name]
end
G._VERSION = "Lua 5.1"

G.string = protect(pick(string, [[byte char dump find format gfind gmatch gsub len lower match rep
  reverse sub upper]]))
local lib_math = pick(math, [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge
  ldexp log log10 max min mod modf pi pow rad sin sinh sqrt tan tanh]])
lib_math.random, lib_math.randomseed = libraries.math.random, libraries.math.randomseed
G.math = protect(lib_math)
G.coroutine = protect(pick(coroutine, "create resume running status wrap yield"))
G.os = protect(pick(os, "clock"))
G.bit = protect(pick(bit, [[tobit tohex bnot band bor bxor lshift rshift arshift rol ror bswap]]))
G.redis = protect(redis)

-- A copy of cjson with settings of its own: its functions hand them to the host's. By tail calls, so
-- that errors have the position of the caller.
local function new_cjson()
  local settings, copy = {}, {}
  for name, value in raw_next, libraries.cjson_copy do
    if raw_type(value) == "function" then
      copy[name] = function(...)
        return value(settings, ...)
      end
    else
      copy[name] = value
    end
  end
  copy.new, copy.null = new_cjson, libraries.cjson.null
  return copy
end

libraries.cjson.new = new_cjson
G.cjson = protect(libraries.cjson)
G.cmsgpack = protect(libraries.cmsgpack)
G.struct = protect(libraries.struct)

local lib_table = pick(table, "concat foreach foreachi getn maxn")

function lib_table.insert(t, ...)
  if shown[t] then
    refuse_plain()
  end
  return raw_insert(t, ...)
end

function lib_table.remove(t, ...)
  if shown[t] then
    refuse_plain()
  end
  return raw_remove(t, ...)
end

function lib_table.sort(t, ...)
  if shown[t] then
    refuse_plain()
  end
  return raw_sort(t, ...)
end

function lib_table.setn()
  raw_error("'setn' is obsolete", 2)
end

G.table = protect(lib_table)

-- Redis's pcall hands over the text of an error table, not the table.
local function unwrap(ok, err, ...)
  if not ok and raw_type(err) == "table" then
    local text = raw_get(err, "err")
    if raw_type(text) == "string" then
      return false, text
    end
  end
  return ok, err, ...
end

function G.pcall(...)
  return unwrap(raw_pcall(...))
end

-- A savepoint: a pcall whose effects vanish when f fails.
local function settle(number, ok, ...)
  if ok then
    savepoint.keep(number)
  else
    savepoint.roll_back(number)
  end
  return unwrap(ok, ...)
end

function redis.atomic(f, ...)
  return settle(savepoint.open(), raw_pcall(f, ...))
end

function G.rawset(t, k, v)
  if shown[t] then
    refuse_plain()
  end
  return raw_set(t, k, v)
end

function G.rawget(t, k)
  return raw_get(shown[t] or t, k)
end

function G.next(t, k)
  return raw_next(shown[t] or t, k)
end

function G.pairs(t)
  local real = shown[t]
  if real == nil then
    return raw_pairs(t)
  end
  return function(_, k)
    return raw_next(real, k)
  end, t, nil
end

function G.ipairs(t)
  return raw_ipairs(t)
end

function G.setmetatable(t, m)
  if shown[t] then
    refuse_plain()
  end
  return raw_setmetatable(t, m)
end

local string_metatable = raw_getmetatable("")
string_metatable.__index = shown[G.string]
local shown_string_metatable = protect({ __index = G.string })

function G.getmetatable(v)
  if raw_type(v) == "string" then
    return shown_string_metatable
  end
  if shown[v] then
    return nil
  end
  return raw_getmetatable(v)
end

-- Text only: bytecode could do anything.
function G.loadstring(text, name)
  if raw_type(text) == "string" and text:byte(1) == 27 then
    return nil, "[string \"...\"]:1: unexpected symbol near 'char(27)'"
  end
  return raw_loadstring(text, name)
end

function G.load(reader, name)
  if raw_type(reader) == "string" then
    return G.loadstring(reader, name)
  end
  local parts, count = {}, 0
  while true do
    local part = reader()
    if part == nil or part == "" then
      break
    end
    if raw_type(part) ~= "string" then
      raw_error("reader function must return a string", 2)
    end
    count = count + 1
    parts[count] = part
  end
  local text = ""
  for at = 1, count do
    text = text .. parts[at]
  end
  return G.loadstring(text, name or "=(load)")
end

raw_setmetatable(G, {
  __index = function(_, name)
    local kind = raw_type(name)
    if kind ~= "string" and kind ~= "number" then
      raw_error("Second argument to luaProtectedTableError must be a string or number", 2)
    end
    raw_error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})

local env = raw_setmetatable({}, { __index = G, __newindex = refuse, __metatable = false })
shown[env] = G
G._G = env

-- The JIT compiler gives nothing to scripts of a few calls and costs them the recording; it pays
-- for loops. What it must never do is run on: each VM proves that it can be stopped.
return { env, G }
