//! Scripts that run for ever, or for longer than anybody waits, by name.

/// Scripts that would run for ever, by name.
pub(crate) const ENDLESS: &[(&str, &str)] = &[
    ("a loop", "while true do end"),
    ("a loop inside pcall", "while true do pcall(function() while true do end end) end"),
    (
        "nested pcalls",
        "local function f() while true do pcall(f) end end \
         while true do pcall(pcall, f) end",
    ),
    (
        "a coroutine",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) \
         while true do co() end",
    ),
    (
        "a loop inside a coroutine, caught",
        "while true do local co = coroutine.create(function() while true do end end) \
         coroutine.resume(co) end",
    ),
    ("a compiled loop", "local n = 0 while true do n = (n + 1) % 1000 end"),
    ("a compiled for loop", "local n = 0 for i = 1, 1e18 do n = n + i end return n"),
    (
        "a compiled loop with table accesses",
        "local t = {1, 2, 3} while true do for i = 1, 3 do t[i] = t[i] + 1 end end",
    ),
    (
        "a comparator",
        "local t = {} for i = 1, 100 do t[i] = i end \
         table.sort(t, function(a, b) while true do end end)",
    ),
    (
        "a caught comparator",
        "local t = {3, 2, 1} while true do \
         pcall(table.sort, t, function(a, b) while true do end end) end",
    ),
    ("a replacement", "string.gsub('abc', '.', function() while true do end end)"),
    (
        "a metamethod",
        "local t = setmetatable({}, {__index = function(t, k) while true do end end}) return t.x",
    ),
    (
        "metamethods, caught",
        "local m = {} m.__add = function(a, b) return a + b end m.__eq = m.__add \
         local t = setmetatable({}, m) while true do pcall(function() return t + t end) end",
    ),
    ("commands", "while true do redis.call('incr', KEYS[1]) end"),
    (
        "caught commands",
        "while true do redis.pcall('nosuch') redis.pcall('hget', KEYS[1], 'f') end",
    ),
    (
        "a long command",
        "local a, b = '{' .. KEYS[1] .. '}a', '{' .. KEYS[1] .. '}b' \
         redis.call('mset', a, ('x'):rep(11000), b, ('y'):rep(11000)) \
         while true do redis.call('lcs', a, b) end",
    ),
    ("goto", "::again:: goto again"),
    ("recursion", "local function f(n) return f(n + 1) end return f(1)"),
    (
        "xpcall whose handler loops",
        "while true do xpcall(function() error('x') end, function() while true do end end) end",
    ),
];

/// Scripts that would be within one call of a string function for ever, or nearly.
pub(crate) const ENDLESS_PATTERNS: &[(&str, &str)] = &[
    (
        "find with optional items",
        "return string.find(string.rep('a', 200000), string.rep('a?', 30) .. 'b')",
    ),
    ("match with lazy items", "return (('a'):rep(100000)):match('.-.-.-.-b')"),
    ("find with lazy items", "return ('a'):rep(5000):find(('a-'):rep(4) .. 'b')"),
    ("gsub", "return (('a'):rep(100000)):gsub('.-.-.-b', 'x')"),
    ("gsub with a table", "return (('a'):rep(100000)):gsub('.-.-.-b', {})"),
    ("gsub with a function", "return (('a'):rep(100000)):gsub('.-.-.-b', function() end)"),
    (
        "gsub with a function that matches",
        "return (('a'):rep(100000)):gsub('a', function(a) \
         return (a:rep(9999)):match('.-.-.-b') end)",
    ),
    ("gmatch", "for w in (('a'):rep(100000)):gmatch('.-.-.-b') do end"),
    ("balanced brackets", "return (('('):rep(1000000)):match('%b()')"),
    ("captures", "return (('ab'):rep(50000)):match('(a.-)%1%1b%1')"),
    ("a plain find in a loop", "local s = ('a'):rep(1e7) while true do s:find('b', 1, true) end"),
    (
        "a plain find that nearly matches",
        "return (('a'):rep(3e7)):find(('a'):rep(1e7) .. 'b', 1, true)",
    ),
    ("a match, caught", "while true do pcall(string.match, ('a'):rep(1e5), '.-.-.-b') end"),
    (
        "a match inside a coroutine",
        "while true do coroutine.resume(coroutine.create(function() \
         (('a'):rep(100000)):match('.-.-.-.-b') end)) end",
    ),
];

/// Scripts that are long within one call of a library function, by name.
pub(crate) const LONG_CALLS: &[(&str, &str)] = &[
    (
        "sort of numbers",
        "local t = {} for i = 1, 8e6 do t[i] = (i * 7919) % 8000009 end table.sort(t)",
    ),
    (
        "sort by a function of C",
        "local t = {} for i = 1, 8e6 do t[i] = (i * 7919) % 8000009 end table.sort(t, rawequal)",
    ),
    (
        "caught sorts",
        "local t = {} for i = 1, 8e6 do t[i] = (i * 7919) % 8000009 end t[1] = 'x' \
         while true do pcall(table.sort, t) end",
    ),
    ("concat", "local t = {} for i = 1, 8e6 do t[i] = i / 3 end return #table.concat(t, ', ')"),
    (
        "caught concats",
        "local t = {} for i = 1, 4e6 do t[i] = i / 3 end t[4e6] = {} \
         while true do pcall(table.concat, t) end",
    ),
    ("insert far before the list", "while true do table.insert({1}, -2^31, 1) end"),
    (
        "insert and remove at the front",
        "local t = {} for i = 1, 8e6 do t[i] = i end \
         while true do table.insert(t, 1, 0) table.remove(t, 1) end",
    ),
    (
        "foreach",
        "local t = {} for i = 1, 8e6 do t[i] = i end while true do table.foreach(t, rawequal) end",
    ),
    (
        "maxn and next",
        "local t = {} for i = 1, 1e6 do t[i + 0.5] = i end \
         for i = 1, 1e6 do t[i + 0.5] = nil end while true do table.maxn(t) next(t) end",
    ),
    (
        "collections",
        "local t = {} for i = 1, 2e6 do t[i] = {} end while true do collectgarbage() end",
    ),
    (
        "steps of the collector",
        "local t = {} for i = 1, 2e6 do t[i] = {} end while true do collectgarbage('step', 1e9) end",
    ),
    ("loadstring", "local s = ('x = 1 '):rep(1e7) while true do loadstring(s) end"),
    ("loadstring of a comment", "local s = (' '):rep(6e7) while true do loadstring(s) end"),
    ("load without end", "load(function() return ' ' end)"),
    ("load of one long piece", "local s = ('x = 1 '):rep(1e7) load(function() return s end)"),
    ("sha1hex", "local s = ('x'):rep(8e7) while true do redis.sha1hex(s) end"),
    (
        "nested coroutines",
        "local f f = function() coroutine.wrap(f)() end while true do pcall(f) end",
    ),
];
