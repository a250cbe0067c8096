//! Calls of the libraries, right and wrong ones.

use super::Generator;

impl Generator {
    pub(super) fn library_number(&mut self) -> String {
        match self.random.below(14) {
            0 => format!("math.floor({})", self.number()),
            1 => format!("math.ceil({})", self.number()),
            // Not what may be NaN: LuaJIT's are the processor's.
            2 => format!("math.max({}, {})", self.integer(), self.integer()),
            3 => format!("math.min({}, {}, 2)", self.integer(), self.integer()),
            4 => format!("math.abs({})", self.number()),
            5 => format!("math.fmod({}, {})", self.number(), self.integer()),
            6 => format!("bit.band({}, {})", self.integer(), self.integer()),
            7 => {
                let function =
                    self.random.pick(&["bor", "bxor", "lshift", "rshift", "arshift", "rol"]);
                format!("bit.{function}({}, {})", self.integer(), self.random.below(40))
            }
            8 => {
                let function = self.random.pick(&["tobit", "bnot", "bswap"]);
                format!("bit.{function}({})", self.number_for_bits())
            }
            9 => format!("({}):len()", self.text()),
            10 => format!("(({}):byte() or 0)", self.text()),
            11 => format!("select('#', {}, {})", self.any(), self.any()),
            12 => format!("(({}):find('l', 1, true) or 0)", self.text()),
            _ => format!("(tonumber({}) or -1)", self.text()),
        }
    }

    /// What is no NaN and not infinite: casts of those are not defined.
    fn number_for_bits(&mut self) -> String {
        self.random
            .pick(&["1.5", "2.5", "-1.5", "2^32", "2^40 + 5", "-1", "0xffffffff", "'12'"])
            .into()
    }

    pub(super) fn library_text(&mut self) -> String {
        match self.random.below(18) {
            0 => format!("({}):upper()", self.text()),
            1 => format!("string.lower({})", self.text()),
            2 => {
                let (from, to) = (self.random.between(-5, 5), self.random.between(-5, 8));
                format!("({}):sub({from}, {to})", self.text())
            }
            3 => format!("({}):rep({})", self.text(), self.random.between(-1, 4)),
            4 => format!("({}):reverse()", self.text()),
            5 => format!("string.char({}, {})", self.random.below(256), self.random.below(256)),
            6 => format!(
                "string.format('%d|%5d|%x', {}, {}, {})",
                self.integer(),
                self.integer(),
                self.random.below(999)
            ),
            7 => format!("string.format('%.3f %g', {}, {})", self.integer(), self.integer()),
            8 => format!("string.format('%s-%s', 'a', {})", self.integer()),
            9 => format!(
                "table.concat({}, {})",
                self.sortable(),
                self.random.pick(&["','", "''", "'; '"])
            ),
            10 | 11 => format!("cjson.encode({})", self.encodable()),
            12 => format!("cmsgpack.pack({})", self.encodable()),
            13 => format!("redis.sha1hex({})", self.text()),
            14 => format!("bit.tohex({}, {})", self.integer(), self.random.between(-12, 12)),
            15 => self.packed(),
            16 => format!("tostring(cjson.decode({}))", self.json_scalar()),
            _ => format!(
                "(select({}, {}, 'x', 'y'))",
                self.random.pick(&["1", "-1", "2"]),
                self.text()
            ),
        }
    }

    /// What cjson and cmsgpack take, with one key in each table.
    fn encodable(&mut self) -> String {
        if self.depth == 0 {
            return self.plain_but_nil();
        }
        self.inside(|me| match me.random.below(7) {
            0 => me.sortable(),
            1 => format!("{{a = {}}}", me.encodable()),
            2 => format!("{{{}, {}}}", me.encodable(), me.encodable()),
            3 => format!(
                "{{[{}] = {}}}",
                me.random.pick(&["1", "2", "9", "1.5", "-1", "12"]),
                me.encodable()
            ),
            4 => "{cjson.null, {}, {{}}}".into(),
            _ => me.plain_but_nil(),
        })
    }

    fn json_scalar(&mut self) -> String {
        let texts = [
            "'1'",
            "'-0.5'",
            "'1e2'",
            "'true'",
            "'\"x\\\\n\"'",
            "'012'",
            "'[1'",
            "'{\"a\"}'",
            "'nul'",
            "'\"\\\\u00e9\"'",
        ];
        self.random.pick(&texts).into()
    }

    fn packed(&mut self) -> String {
        let format = self
            .random
            .pick(&["b", ">I2", "<i4", "Bb", ">h", "!4bi", "i3", "f", "d", "s", "c3", "z", "i33"]);
        let values = match format {
            "s" | "c3" => self.text(),
            "Bb" | "!4bi" => format!("{}, {}", self.integer(), self.integer()),
            "f" | "d" => self.random.pick(&["0.5", "-1.25", "3"]).into(),
            _ => self.integer(),
        };
        format!("struct.pack('{format}', {values})")
    }

    /// A call whose results are several.
    pub(super) fn library_list(&mut self) -> String {
        match self.random.below(10) {
            0 => format!(
                "{{struct.unpack('>I2b', {})}}",
                self.random.pick(&["'\\1\\2\\255'", "'\\1'", "''"])
            ),
            1 => format!("{{cmsgpack.unpack(cmsgpack.pack({}))}}", self.encodable()),
            2 => format!(
                "{{cmsgpack.unpack({})}}",
                self.random.pick(&["'\\1\\2'", "'\\145'", "'\\193'", "''", "'\\161a'"])
            ),
            3 => format!("{{cmsgpack.unpack_one('\\1\\2\\3', {})}}", self.random.between(-1, 4)),
            4 => format!("{{cjson.decode(cjson.encode({{{}}}))}}", self.encodable()),
            5 => format!("{{cjson.decode({})}}", self.json()),
            6 => format!("{{({}):byte(1, 4)}}", self.text()),
            7 => format!(
                "{{({}):find({}, 1, true)}}",
                self.text(),
                self.random.pick(&["'l'", "''", "'o W'"])
            ),
            8 => format!(
                "{{select({}, {}, 2, 3)}}",
                self.random.pick(&["1", "2", "-2", "9"]),
                self.plain_but_nil()
            ),
            _ => format!("{{math.modf({})}}", self.random.pick(&["3.75", "-3.75", "5", "0"])),
        }
    }

    fn json(&mut self) -> String {
        let texts = [
            "'[1,2,{\"a\":[true,null]}]'",
            "'{\"a\":{\"b\":\"c\"}}'",
            "'[]'",
            "'{}'",
            "'[1,2'",
            "'{\"a\" 1}'",
            "'[\"\\\\ud83d\\\\ude00\"]'",
            "' [ 1 , 2 ] '",
            "'[1,]'",
            "'{a:1}'",
            "'\"open'",
            "'[0x1F, -1.5e3]'",
        ];
        self.random.pick(&texts).into()
    }

    /// A library call that fails, most of them.
    pub(super) fn wrong_library_call(&mut self) -> String {
        let calls = [
            "math.floor('x')",
            "math.max()",
            "('x'):rep()",
            "('x'):rep({})",
            "string.rep()",
            "tonumber()",
            "tonumber('1', 99)",
            "tostring()",
            "unpack()",
            "unpack({}, 1, 1e8)",
            "select(0)",
            "select('x')",
            "string.char(256)",
            "string.char(-1)",
            "string.sub()",
            "('x'):byte({})",
            "string.format('%d', 'x')",
            "table.concat({1, {}})",
            "table.concat({}, ',', 1, 2)",
            "table.concat(5)",
            "table.insert({})",
            "table.insert({}, 1, 2, 3)",
            "table.insert(nil, 1)",
            "table.remove(5)",
            "table.sort({3, 1, 'x'})",
            "table.setn({}, 1)",
            "setmetatable(1, {})",
            "setmetatable({}, 1)",
            "getmetatable()",
            "rawset(1, 2, 3)",
            "rawget(1, 2)",
            "next(5)",
            "next({}, 'x')",
            "pairs(nil)",
            "ipairs(nil)",
            "bit.tobit()",
            "bit.tobit({})",
            "bit.band()",
            "bit.lshift(1)",
            "bit.tohex()",
            "bit.tohex('x')",
            "cjson.encode()",
            "cjson.encode(redis.call)",
            "cjson.decode()",
            "cjson.decode('{')",
            "cjson.decode({})",
            "cjson.encode({[true] = 1})",
            "cjson.encode({[20] = 1})",
            "cjson.encode(0/0)",
            "cmsgpack.pack()",
            "cmsgpack.unpack()",
            "cmsgpack.unpack('\\193')",
            "cmsgpack.unpack(5)",
            "struct.pack()",
            "struct.pack('i')",
            "struct.pack('i', 'x')",
            "struct.unpack('i', 'x')",
            "struct.size('s')",
            "struct.pack('z', 1)",
            "redis.error_reply()",
            "redis.status_reply(5)",
            "redis.sha1hex()",
            "redis.log()",
            "redis.log('x', 'y')",
            "redis.setresp()",
            "redis.setresp(7)",
            "redis.set_repl(9)",
            "redis.nosuch()",
            "redis.call.x()",
            "math.nosuch(1)",
            "coroutine.resume(1)",
            "loadstring('x =')()",
            "loadstring('return 1 + nil')()",
            "assert()",
            "assert(nil)",
            "assert(false, 5)",
            "error",
            "math.random(0)",
            "math.random(2, 1)",
            "collectgarbage('x')",
            "load(5)",
            "string.gsub('x')",
            "rawequal(1)",
            "type()",
        ];
        self.random.pick(&calls).into()
    }
}
