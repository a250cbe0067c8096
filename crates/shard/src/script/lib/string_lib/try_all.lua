local subject, pattern, replacement, init = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local out = {}

local function show(value)
  if type(value) == "string" then
    return "<" .. table.concat({value:byte(1, -1)}, " ") .. ">"
  end
  return tostring(value)
end

local function note(name, ...)
  local values = {...}
  for at = 1, select("#", ...) do
    values[at] = show(values[at])
  end
  out[#out + 1] = name .. ": " .. table.concat(values, ", ")
end

local function attempt(name, f)
  local ok, err = pcall(f)
  if not ok then
    out[#out + 1] = name .. ": " .. tostring(err)
  end
end

attempt("find", function() note("find", string.find(subject, pattern)) end)
attempt("find from", function() note("find from", subject:find(pattern, init)) end)
attempt("find plain", function() note("find plain", string.find(subject, pattern, init, true)) end)
attempt("match", function() note("match", string.match(subject, pattern)) end)
attempt("match from", function() note("match from", subject:match(pattern, init)) end)
attempt("gmatch", function()
  for a, b, c in string.gmatch(subject, pattern) do
    note("gmatch", a, b, c)
  end
end)
attempt("gsub", function() note("gsub", string.gsub(subject, pattern, replacement)) end)
attempt("gsub some", function() note("gsub some", subject:gsub(pattern, replacement, init)) end)
attempt("gsub number", function() note("gsub number", subject:gsub(pattern, 12.5)) end)
attempt("gsub table", function()
  note("gsub table", subject:gsub(pattern, {a = "A", b = 7, c = false, ab = ""}))
end)
attempt("gsub wrong table", function() note("gsub wrong", subject:gsub(pattern, {b = true})) end)
attempt("gsub meta", function()
  local meta = setmetatable({b = "B"}, {__index = function(_, key)
    note("index", key)
    return key ~= "a" and key
  end})
  note("gsub meta", subject:gsub(pattern, meta))
end)
attempt("gsub function", function()
  note("gsub function", subject:gsub(pattern, function(...)
    note("call", ...)
    return (select("#", ...))
  end))
end)
attempt("gsub keeps", function()
  local turn = 0
  note("gsub keeps", subject:gsub(pattern, function(first)
    turn = turn + 1
    if turn % 3 == 0 then return nil elseif turn % 3 == 1 then return false end
    return first, "more"
  end, init))
end)
attempt("gsub wrong", function()
  note("gsub wrong", subject:gsub(pattern, function() return {} end))
end)
attempt("gsub fails", function()
  note("gsub fails", subject:gsub(pattern, function() error("inner", 0) end))
end)
return table.concat(out, " | ")
