-- Coroutines, which cannot be nested without end: each that is resumed from another one takes a
-- piece of the thread's own stack, and LuaJIT does not look how much is left.
local libraries = ...

local create, wrap, resume = coroutine.create, coroutine.wrap, coroutine.resume
local running, status, yield = coroutine.running, coroutine.status, coroutine.yield
local raw_error, raw_type = error, type
local is_deep = libraries.sandbox.is_deep

local lib = { running = running, status = status, yield = yield }

function lib.create(f)
  if raw_type(f) ~= "function" then
    raw_error("bad argument #1 to 'create' (Lua function expected)", 2)
  end
  return create(f)
end

function lib.wrap(f)
  if raw_type(f) ~= "function" then
    raw_error("bad argument #1 to 'wrap' (Lua function expected)", 2)
  end
  local routine = wrap(f)
  return function(...)
    if running() and is_deep() then
      raw_error("C stack overflow", 2)
    end
    return routine(...)
  end
end

function lib.resume(...)
  if running() and is_deep() then
    return false, "C stack overflow"
  end
  return resume(...)
end

return lib
