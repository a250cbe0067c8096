-- load and loadstring: source text only, never bytecode, and a long text can be stopped.
local raw_load, raw_loadstring = load, loadstring
local raw_error, raw_type = error, type
local select, tostring = select, tostring
local create, resume = coroutine.create, coroutine.resume
local byte, gsub, sub = string.byte, string.gsub, string.sub

-- Bytes of source that are compiled in one go: no hook runs meanwhile.
local WHOLE_MAX = 16384
-- A longer text is handed over in pieces of so many bytes; a hook runs in between.
local PIECE = 1024

local function wrong_argument(name, expected, ...)
  local got = select("#", ...) == 0 and "no value" or raw_type((...))
  raw_error("bad argument #1 to '" .. name .. "' (" .. expected .. " expected, got " .. got .. ")", 3)
end

local function fail()
  raw_error()
end

-- What the compiler has returned. A hook that ends the script while the compiler asks for a piece leaves
-- LuaJIT believing that the hook still runs, and no other ever would: the compiler catches the error
-- and does not tell it. An error that ends a coroutine does.
local function compiled(loaded, message)
  if not loaded then
    resume(create(fail))
  end
  return loaded, message
end

-- What the compiler would say of a text that begins like bytecode, if it knew none.
local function refuse_bytecode(chunk_name)
  local _, message = raw_loadstring("\1", chunk_name)
  return nil, (gsub(message, "char%(1%)", "char(27)"))
end

-- LuaJIT skips a first line that begins with # and a byte order mark; Lua 5.1 knows neither here.
local function plain(text)
  local first = byte(text)
  if first == 35 or first == 239 then
    return " " .. text
  end
  return text
end

-- A function that returns a text piece by piece.
local function pieces(text)
  local at = 1 - PIECE
  return function()
    at = at + PIECE
    return sub(text, at, at + PIECE - 1)
  end
end

local function compile(text, chunk_name)
  if byte(text) == 27 then
    return refuse_bytecode(chunk_name)
  end
  text = plain(text)
  if #text > WHOLE_MAX then
    return compiled(raw_load(pieces(text), chunk_name, "t"))
  end
  return raw_loadstring(text, chunk_name, "t")
end

local lib = {}

-- For the host: the function, or a message.
function lib.compile(text, chunk_name)
  local loaded, message = compile(text, chunk_name)
  return loaded or message
end

function lib.loadstring(...)
  local text, chunk_name = ...
  local kind = raw_type(text)
  if kind == "number" then
    text = tostring(text)
  elseif kind ~= "string" then
    wrong_argument("loadstring", "string", ...)
  end
  return compile(text, chunk_name == nil and text or chunk_name)
end

-- A reader for the compiler that asks a script's own one, and what is known afterwards.
local function watched_reader(reader)
  local known = { is_first = true }
  -- The rest of a piece that was too long, and where it goes on.
  local rest, at = nil, 1
  local function ask()
    local piece = reader()
    local kind = raw_type(piece)
    if kind == "number" then
      piece = tostring(piece)
    elseif piece == nil then
      return nil
    elseif kind ~= "string" then
      raw_error("reader function must return a string", 5)
    end
    if known.is_first and piece ~= "" then
      known.is_first, known.is_bytecode = false, byte(piece) == 27
      piece = plain(piece)
    end
    return piece
  end
  return function()
    if rest == nil then
      local piece = ask()
      if piece == nil or #piece <= PIECE then
        return piece
      end
      rest, at = piece, 1
    end
    local piece = sub(rest, at, at + PIECE - 1)
    at = at + PIECE
    if at > #rest then
      rest = nil
    end
    return piece
  end, known
end

function lib.load(...)
  local reader, chunk_name = ...
  if raw_type(reader) ~= "function" then
    wrong_argument("load", "function", ...)
  end
  if chunk_name == nil then
    chunk_name = "=(load)"
  end
  local read, known = watched_reader(reader)
  local loaded, message = compiled(raw_load(read, chunk_name, "t"))
  if known.is_bytecode then
    return refuse_bytecode(chunk_name)
  end
  return loaded, message
end

return lib
