-- Direct globals: an environment in which every name is found at the first look, for scripts that
-- demonstrably cannot change anything through it.
--
-- The globals that scripts normally have are an empty table in front of the real one, and so are
-- the libraries, since Lua asks nobody before a field that is there is changed. Each look through
-- one of them costs as much as ten plain ones. Whether a script could change what it sees can be
-- read off its bytecode: it cannot when no instruction sets a global, and each library that is
-- named is at once replaced by one of its fields (`redis.call`), so that the library's table is
-- never in a place that the script can use. Scripts for which that does not hold, or that make
-- code at run time, see the proxies.
--
-- Returns the environment and `judge(f)`: makes `f` use it, if it may. `judge` returns how `f`
-- uses KEYS and ARGV: nil for anything it likes, else the sum of 1: KEYS is named, 2: ARGV is
-- named, 4: one of them is more than indexed or measured, and so may be changed.
local G, shown, missing, refuse = ...

local band, rshift = bit.band, bit.rshift
local load, setfenv, type = loadstring, setfenv, type
local has_util, util = pcall(require, "jit.util")
if not has_util then
  return {}, function() end
end
local funcbc, funcinfo, funck = util.funcbc, util.funcinfo, util.funck

local function opcode(f, at)
  local instruction = funcbc(f, at)
  return instruction and band(instruction, 255)
end

-- What opcodes are called depends on the version of LuaJIT: functions that have them tell their
-- numbers.
local function sample(text, at)
  return opcode(load(text), at)
end

local GSET, GGET = sample("X = 1", 2), sample("return X", 1)
local TGETS, TGETB = sample("return X.y", 2), sample("return X[1]", 2)
local TGETV, LEN = sample("local a = ... return X[a]", 3), sample("return #X", 2)

local E = {}
-- Names whose value may be used in any way: functions that do not know of this environment.
local plain = {}
for name in
  ([[assert collectgarbage error gcinfo getmetatable ipairs next pairs pcall rawequal rawget rawset
    select setmetatable tonumber tostring type unpack xpcall _VERSION]]):gmatch("%S+")
do
  plain[name] = true
end

local libraries = {}
for name, value in next, G do
  local real = name ~= "_G" and shown[value]
  E[name] = real or value
  libraries[name] = real and true or nil
end
setmetatable(E, { __index = missing, __newindex = refuse, __metatable = false })

local lists = { KEYS = 1, ARGV = 2 }

-- Adds what one function names to `uses`; false when it may not have the environment.
local function add_uses(f, uses)
  for at = 1, funcinfo(f).bytecodes - 1 do
    local instruction = funcbc(f, at)
    local op = band(instruction, 255)
    if op == GSET then
      return false
    elseif op == GGET then
      local name = funck(f, -rshift(instruction, 16) - 1)
      -- The next instruction to run is the next one. Only its operand decides whether it reads the
      -- register into which this one has put the value, and no other will read that.
      local following = funcbc(f, at + 1)
      local next_op = following and band(following, 255)
      local source
      if next_op == TGETS or next_op == TGETB or next_op == TGETV then
        source = rshift(following, 24)
      elseif next_op == LEN then
        source = rshift(following, 16)
      end
      local consumed = source == band(rshift(instruction, 8), 255)
      -- What the register holds must be gone then: something may use it otherwise.
      consumed = consumed and band(rshift(following, 8), 255) == source
      if lists[name] then
        uses[lists[name]] = true
        uses[4] = uses[4] or not consumed
      elseif not plain[name] and not (libraries[name] and consumed and next_op ~= LEN) then
        return false
      end
    end
  end
  for at = -1, -65536, -1 do
    local constant = funck(f, at)
    if constant == nil then
      return true
    elseif type(constant) == "proto" and not add_uses(constant, uses) then
      return false
    end
  end
  return false
end

local function judge(f)
  local uses = {}
  if not add_uses(f, uses) then
    return nil
  end
  setfenv(f, E)
  return (uses[1] and 1 or 0) + (uses[2] and 2 or 0) + (uses[4] and 4 or 0)
end

-- Whether the samples have the shape that was thought: six different opcodes.
local known = { GSET, GGET, TGETS, TGETB, TGETV, LEN }
local distinct = {}
for at = 1, 6 do
  local op = known[at]
  if op == nil or distinct[op] then
    judge = function() end
    break
  end
  distinct[op] = true
end

return E, judge
