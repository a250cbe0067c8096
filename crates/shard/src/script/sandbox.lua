-- The sandbox: what script code sees. Runs once for each VM, before any script, with Lua's own
-- libraries still in place. Returns the table that scripts have as their globals, the one behind it in
-- which the host sets KEYS and ARGV, a function that switches the JIT compiler off, what
-- `sandbox/direct.lua` returns (the host sets KEYS and ARGV there, too), and one that compiles a text.
--
-- Library tables are shown through proxies: empty tables that read from the real ones and refuse
-- to be written to. Functions that could see through a proxy (rawset, next, pairs, …) know them.
--
-- What takes more than a few lines is in files of its own: `parts` has them by name, as functions. For
-- functions there is one thing more: a function that has them see what libraries see while they are
-- loaded (true), or what functions see (false).
local redis, libraries, savepoint, parts, library_api = ...

local raw_next, raw_pairs = next, pairs
local pcall, xpcall, raw_error, raw_type = pcall, xpcall, error, type
local raw_get, raw_set = rawget, rawset
local raw_match = string.match
local raw_getmetatable, raw_setmetatable = getmetatable, setmetatable
local log, max, min, tobit, tohex = math.log, math.max, math.min, bit.tobit, bit.tohex
local select, tonumber, tostring = select, tonumber, tostring
local switch_off, flush, is_on = jit.off, jit.flush, jit.status

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

-- A name of Lua 5.1 that LuaJIT has dropped.
math.mod = math.fmod

local G = {}

for name in ("error gcinfo ipairs rawequal select tonumber tostring type unpack"):gmatch("%S+") do
  G[name] = _G[name]
end
G._VERSION = "Lua 5.1"

-- What works for long is the host's: it can be stopped.
local host_string = libraries.string
local lib_string = pick(string, "byte char dump len lower reverse sub upper")
for name in ("find format match rep"):gmatch("%S+") do
  lib_string[name] = host_string[name]
end

local gmatch_begin, gmatch_check, gmatch_fill =
  host_string.gmatch_begin, host_string.gmatch_check, host_string.gmatch_fill
local gsub, gsub_batch, gsub_begin = host_string.gsub, host_string.gsub_batch, host_string.gsub_begin
local gsub_concat, gsub_fail, gsub_join =
  host_string.gsub_concat, host_string.gsub_fail, host_string.gsub_join
local raw_unpack, HUGE = unpack, math.huge

-- The state of a gmatch: text, pattern, the place to go on at, the item before the next capture, the last
-- capture, how many captures a match has, and then captures of matches that were found in advance.
-- There is no place to go on at when all have been found: false where the first look has found them.
-- Such a state serves the next gmatch, for nothing but those is in it.
local gmatch_over = { "", "", nil, 6, 6, 1 }
local gmatch_spare
local GMATCH_SPARE_MAX = 40

local function gmatch_state(text, pattern)
  local state = gmatch_spare
  if state then
    gmatch_spare = nil
    state[1], state[2], state[3] = text, pattern, 0
    return state
  end
  return { text, pattern, 0, 6, 6, 1, false, false, false, false, false, false, false, false }
end

-- Leaves nothing in a state that takes memory.
local function gmatch_end(state, last)
  for item = 7, last do
    state[item] = false
  end
  state[1], state[2], state[4], state[5] = "", "", 6, 6
  gmatch_spare = state
end

function lib_string.gmatch(...)
  local text, pattern = ...
  if raw_type(text) ~= "string" or raw_type(pattern) ~= "string" then
    text, pattern = gmatch_begin(...)
    if not text then
      return gmatch_check(...)
    end
  end
  local state = gmatch_state(text, pattern)
  return function()
    local place, width = state[4], state[6]
    if place == state[5] then
      local from, count, next_at = state[3], 0, nil
      if from then
        count, width, next_at = gmatch_fill(state[1], state[2], from, state)
        if not count then
          return gsub_fail(width)
        end
        state[3] = next_at
        if not next_at and from == 0 then
          state[3] = false
        end
      end
      if count == 0 then
        if state[3] == false and place <= GMATCH_SPARE_MAX then
          gmatch_end(state, place)
        end
        state = gmatch_over
        return
      end
      place = 6
      state[5], state[6] = 6 + count, width
    end
    state[4] = place + width
    if width == 1 then
      return state[place + 1]
    elseif width == 2 then
      return state[place + 1], state[place + 2]
    end
    return raw_unpack(state, place + 1, place + width)
  end
end

lib_string.gfind = lib_string.gmatch

-- A list for matches that nobody uses, without anything in it that takes memory.
local gsub_spare
local GSUB_SPARE_MAX = 64

-- The loop of a gsub whose replacement is a function or a table that may have metamethods: those are
-- called from here, since the host calls nothing. Errors are raised by tail calls, as if by the
-- caller's call.
local function gsub_drive(text, pattern, replacement, most)
  local list, is_table = gsub_spare or {}, raw_type(replacement) == "table"
  gsub_spare = nil
  local at, kept, done, batch = 0, 0, 0, 16
  local pieces, piece_count
  while true do
    if batch > most - done then
      batch = most - done
    end
    local places, width, next_at = gsub_batch(text, pattern, at, batch, list, is_table)
    if not places then
      return gsub_fail(width)
    end
    local count = #places / 8
    if count == 0 and done == 0 then
      gsub_spare = list
      return text, 0
    end
    -- What is called gets the captures of a match, and what it returns takes the place of the first.
    for place = 1, count * width, width do
      local value = list[place]
      if is_table then
        value = replacement[value]
      elseif width == 1 then
        value = replacement(value)
      elseif width == 2 then
        value = replacement(value, list[place + 1])
      else
        value = replacement(raw_unpack(list, place, place + width - 1))
      end
      local kind = raw_type(value)
      if kind ~= "string" and kind ~= "number" then
        if value then
          return gsub_fail("invalid replacement value (a " .. kind .. ")")
        end
        value = false
      end
      list[place] = value
    end
    done = done + count
    local is_last, piece = not next_at or done >= most, nil
    piece, kept = gsub_join(text, list, places, width, kept, is_last)
    if is_last and not pieces then
      if count * width <= GSUB_SPARE_MAX then
        for place = 1, count * width do
          list[place] = false
        end
        gsub_spare = list
      end
      return piece, done
    end
    if not pieces then
      pieces, piece_count = {}, 0
    end
    piece_count = piece_count + 1
    pieces[piece_count] = piece
    if is_last then
      return gsub_concat(pieces, piece_count), done
    end
    at = next_at
    if batch < 1024 then
      batch = batch * 4
    end
  end
end

function lib_string.gsub(...)
  local text, pattern, replacement, most = ...
  local kind = raw_type(replacement)
  if kind == "function" or kind == "table" then
    if
      most == nil
      and kind == "function"
      and raw_type(text) == "string"
      and raw_type(pattern) == "string"
    then
      return gsub_drive(text, pattern, replacement, HUGE)
    end
    text, pattern, most = gsub_begin(...)
    if text then
      return gsub_drive(text, pattern, replacement, most)
    end
  end
  return gsub(...)
end

G.string = protect(lib_string)

-- What `error` blames on a function of the sandbox has no position, as if that were C: a replacement
-- of gsub may say `error("…", 2)`.
local getinfo = debug.getinfo

function G.error(message, level)
  if raw_type(level) == "number" and level > 1 then
    local caller = getinfo(level + 1, "S")
    if caller and caller.source == "=atoll" then
      level = 0
    end
  end
  return raw_error(message, level)
end

local lib_math = pick(math, [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge
  ldexp log log10 max min mod modf pi pow rad sin sinh sqrt tan tanh]])
lib_math.random, lib_math.randomseed = libraries.math.random, libraries.math.randomseed

-- LuaJIT's own look at what lies where their argument would be, and an earlier script may have left
-- that there.
local function rounding(name)
  local round = math[name]
  return function(...)
    local x = ...
    if raw_type(x) ~= "number" then
      local kind = select("#", ...) == 0 and "no value" or raw_type(x)
      x = tonumber(x)
      if not x then
        raw_error("bad argument #1 to '" .. name .. "' (number expected, got " .. kind .. ")", 2)
      end
    end
    return round(x)
  end
end

lib_math.ceil, lib_math.floor = rounding("ceil"), rounding("floor")

-- Lua 5.1 knows no base.
function lib_math.log(...)
  local x = ...
  if x == nil then
    return log(...)
  end
  return log(x)
end

G.math = protect(lib_math)
G.coroutine = protect(parts.coroutine(libraries))
G.os = protect(pick(os, "clock"))
local lib_bit = pick(bit, "tobit bnot band bor bxor lshift rshift arshift rol ror bswap")

-- There are no more than 8 digits.
function lib_bit.tohex(...)
  local x, digits = ...
  if digits == nil and x ~= nil then
    return tohex(x)
  elseif tonumber(digits) then
    return tohex(x, max(-8, min(8, tobit(digits))))
  end
  return tohex(...)
end

G.bit = protect(lib_bit)
G.redis = protect(redis)
-- Valkey's name for it.
G.server = G.redis

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

G.table = protect(parts.table(shown, refuse_plain, libraries))

-- Redis's pcall hands over the text of an error table, not the table. A table without a text is
-- followed by what it has in its place, as in Redis.
local function unwrap(ok, ...)
  if ok then
    return ok, ...
  end
  local err = ...
  if raw_type(err) ~= "table" then
    return false, err
  end
  local text = err.err
  local kind = raw_type(text)
  if kind == "string" or kind == "number" then
    return false, text
  end
  return false, err, text
end

function G.pcall(f, ...)
  return unwrap(pcall(f, ...))
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
  return settle(savepoint.open(), pcall(f, ...))
end

local function no_handler()
  raw_error("this is no function")
end

-- Lua 5.1 hands no arguments on, and looks at the handler only when it is needed.
function G.xpcall(...)
  if select("#", ...) < 2 then
    raw_error("bad argument #2 to 'xpcall' (value expected)", 2)
  end
  local f, handler = ...
  if raw_type(handler) ~= "function" then
    handler = no_handler
  end
  return xpcall(f, handler)
end

-- Lua 5.1 wants a text, which gets the position of the caller.
function G.assert(...)
  local value, message = ...
  if value then
    return ...
  end
  local kind = raw_type(message)
  if select("#", ...) == 0 then
    message = "bad argument #1 to 'assert' (value expected)"
  elseif kind == "nil" then
    message = "assertion failed!"
  elseif kind ~= "string" and kind ~= "number" then
    message = "bad argument #2 to 'assert' (string expected, got " .. kind .. ")"
  end
  -- A text of C: it ends at a NUL.
  raw_error(raw_match(message .. "", "^%Z*"), 2)
end

function G.rawset(t, ...)
  if shown[t] then
    refuse_plain()
  end
  return raw_set(t, ...)
end

function G.rawget(t, ...)
  return raw_get(shown[t] or t, ...)
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

function G.setmetatable(t, m)
  if shown[t] then
    refuse_plain()
  end
  return raw_setmetatable(t, m)
end

local string_metatable = raw_getmetatable("")
string_metatable.__index = shown[G.string]
local shown_string_metatable = protect({ __index = G.string })
local globals_metatable = {}
local env, shown_globals_metatable

function G.getmetatable(...)
  if select("#", ...) == 0 then
    raw_error("bad argument #1 to 'getmetatable' (value expected)", 2)
  end
  local v = ...
  if raw_type(v) == "string" then
    return shown_string_metatable
  end
  if shown[v] then
    return v == env and shown_globals_metatable or nil
  end
  return raw_getmetatable(...)
end

local lib_load = parts.load()
G.load, G.loadstring = lib_load.load, lib_load.loadstring
G.collectgarbage = parts.garbage()

function globals_metatable.__index(_, name)
  local kind = raw_type(name)
  if kind ~= "string" and kind ~= "number" then
    raw_error("Second argument to luaProtectedTableError must be a string or number", 2)
  end
  raw_error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

raw_setmetatable(G, globals_metatable)
shown_globals_metatable = protect({ __index = globals_metatable.__index })
local env_metatable = { __index = G, __newindex = refuse, __metatable = false }
env = raw_setmetatable({}, env_metatable)
shown[env] = G
G._G = env

local function jit_off()
  switch_off()
  flush()
  return not is_on()
end

local show_library_api
if library_api then
  local loading = raw_setmetatable({}, globals_metatable)
  loading.redis = protect(raw_setmetatable(library_api, globals_metatable))
  function show_library_api(is_loading)
    env_metatable.__index = is_loading and loading or G
  end
end

local direct, judge = parts.direct(G, shown, globals_metatable.__index, refuse)

return { env, G, jit_off, direct, judge, lib_load.compile, show_library_api }
