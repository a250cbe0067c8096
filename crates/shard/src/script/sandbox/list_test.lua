-- The lines of the golden file.
local lines = {}
walk(function(path, value, first)
  local kind = type(value)
  if first then
    lines[#lines + 1] = path .. " = " .. first
  elseif kind == "number" or kind == "string" or kind == "boolean" then
    lines[#lines + 1] = path .. " " .. kind .. " " .. tostring(value)
  else
    lines[#lines + 1] = path .. " " .. kind
  end
end)
return lines
