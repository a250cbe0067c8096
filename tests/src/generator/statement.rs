//! Statements: each is one line.

use super::{Generator, Kind};

impl Generator {
    pub(super) fn statement(&mut self) -> String {
        if self.depth == 0 {
            return self.simple();
        }
        match self.random.below(20) {
            0..=9 => self.simple(),
            10 => self.branch(),
            11 => self.loops(),
            12 => self.function(),
            13 | 14 => self.caught(),
            15 => self.coroutine(),
            16 => self.metatable(),
            17 => self.transactional(),
            18 if self.random.one_in(3) => self.raise(),
            _ => self.simple(),
        }
    }

    fn simple(&mut self) -> String {
        match self.random.below(16) {
            0 => self.local(Kind::Number),
            1 => self.local(Kind::Text),
            2 => self.local(Kind::Boolean),
            3 => self.local(Kind::List),
            4 | 5 => {
                let (name, command) = (self.name(), self.command());
                self.declare(&name, Kind::Any);
                format!("local {name} = {command}")
            }
            6..=8 => format!("put({})", self.command()),
            9 => self.command(),
            10 => format!("put({})", self.library_list()),
            11 => format!("put({})", self.any()),
            12 => self.change_list(),
            13 => self.assign(),
            14 => format!("put({}) put({})", self.number(), self.text()),
            _ if self.resp3 => format!("redis.setresp({})", self.random.between(2, 3)),
            _ => "redis.setresp(2)".into(),
        }
    }

    fn value_of(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Number => self.number(),
            Kind::Text => self.text(),
            Kind::Boolean => self.boolean(),
            Kind::List => self.list(),
            Kind::Any | Kind::Function => self.any(),
        }
    }

    fn local(&mut self, kind: Kind) -> String {
        let (name, value) = (self.name(), self.value_of(kind));
        self.declare(&name, kind);
        format!("local {name} = {value}")
    }

    fn assign(&mut self) -> String {
        let kinds = [Kind::Number, Kind::Text, Kind::Boolean, Kind::List];
        let kind = kinds[self.random.below(kinds.len())];
        match self.variable(kind) {
            Some(name) => format!("{name} = {}", self.value_of(kind)),
            None => self.local(kind),
        }
    }

    fn change_list(&mut self) -> String {
        let Some(list) = self.variable(Kind::List) else { return self.local(Kind::List) };
        match self.random.below(6) {
            0 => format!("table.insert({list}, {})", self.plain_but_nil()),
            1 => format!("table.insert({list}, 1, {})", self.plain_but_nil()),
            2 => format!("put(table.remove({list}))"),
            3 => format!("put(table.remove({list}, 1))"),
            4 => {
                let order = self.random.pick(&["", ", function(a, b) return a > b end"]);
                format!("{list} = {} table.sort({list}{order}) put({list})", self.sortable())
            }
            _ => format!("{list}[#{list} + 1] = {}", self.plain_but_nil()),
        }
    }

    /// Some statements in one line.
    fn block(&mut self) -> String {
        self.inside(|me| {
            let count = me.random.between(1, 2);
            let statements: Vec<String> = (0..count).map(|_| me.statement()).collect();
            statements.join(" ")
        })
    }

    fn branch(&mut self) -> String {
        let condition = self.boolean();
        let then = self.block();
        match self.random.below(3) {
            0 => format!("if {condition} then {then} end"),
            1 => format!("if {condition} then {then} else {} end", self.block()),
            _ => {
                let other = self.boolean();
                format!("if {condition} then {then} elseif {other} then {} end", self.block())
            }
        }
    }

    fn loops(&mut self) -> String {
        let name = self.name();
        match self.random.below(6) {
            0 => {
                let (from, to) = (self.random.between(-2, 3), self.random.between(-2, 6));
                let step = self.random.pick(&["", ", 2", ", -1", ", 0.5"]);
                let body = self.body(&name, Kind::Number);
                format!("for {name} = {from}, {to}{step} do {body} end")
            }
            1 => {
                let list = self.list();
                let item = self.name();
                let body = self.body(&name, Kind::Number);
                // A copy: the body may make the list longer.
                format!(
                    "for {name}, {item} in ipairs({{unpack({list})}}) do put({item}) {body} end"
                )
            }
            2 => {
                let value = self.plain_but_nil();
                let item = self.name();
                format!(
                    "for {name}, {item} in pairs({{k = {value}}}) do put({name}) put({item}) end"
                )
            }
            3 => {
                // The body does not know the counter, or it might never end.
                let body = self.block();
                let count = self.random.between(1, 4);
                format!(
                    "do local {name} = 0 while {name} < {count} do {name} = {name} + 1 {body} end end"
                )
            }
            4 => {
                let body = self.body(&name, Kind::Number);
                let stop = self.boolean();
                format!("for {name} = 1, 3 do {body} if {stop} then break end end")
            }
            // Long enough to be compiled.
            _ => {
                let sum = self.name();
                let step = self.random.pick(&[
                    "{i}",
                    "{i} % 7",
                    "#tostring({i})",
                    "bit.band({i}, 12)",
                    "{i} / 2",
                ]);
                let step = step.replace("{i}", &name);
                format!(
                    "local {sum} = 0 for {name} = 1, 200 do {sum} = {sum} + {step} end put({sum})"
                )
            }
        }
    }

    fn body(&mut self, name: &str, kind: Kind) -> String {
        let known = self.scope.len();
        self.declare(name, kind);
        let body = self.block();
        self.scope.truncate(known);
        body
    }

    fn function(&mut self) -> String {
        let (name, a, b) = (self.name(), self.name(), self.name());
        let body = self.inside(|me| {
            me.declare(&a, Kind::Number);
            me.declare(&b, Kind::Text);
            let statements = me.statement();
            let result = me.result();
            format!("{statements} {result}")
        });
        self.declare(&name, Kind::Function);
        let call = format!("{name}({}, {})", self.number(), self.text());
        format!("local function {name}({a}, {b}) {body} end put({call})")
    }

    /// The end of a function.
    fn result(&mut self) -> String {
        match self.random.below(6) {
            0 => format!("return ({})", self.command()),
            1 => format!("return ({})", self.wrong_library_call()),
            2 => format!("return {}, {}", self.any(), self.any()),
            3 => String::new(),
            _ => format!("return ({})", self.any()),
        }
    }

    fn caught(&mut self) -> String {
        let body = self.inside(|me| {
            let first = me.statement();
            match me.random.below(4) {
                0 => format!("{first} {}", me.raise()),
                1 => format!("{first} return ({})", me.wrong_library_call()),
                2 => format!("{first} return ({})", me.type_error()),
                _ => format!("{first} {}", me.result()),
            }
        });
        let (ok, error) = (self.name(), self.name());
        let show = format!(
            "put({ok}) if type({error}) == 'table' then put({error}.err) put(type({error}.line)) else \
             put({error}) end"
        );
        match self.random.below(5) {
            0 => {
                let handler = self.random.pick(&[
                    "function(e) return e end",
                    "function(e) return type(e) end",
                    "function(e) return type(e) == 'table' and e.err or tostring(e) .. '!' end",
                ]);
                format!(
                    "do local {ok}, {error} = xpcall(function() {body} end, {handler}) {show} end"
                )
            }
            1 => {
                let call = self.command();
                let (call, arguments) = call.split_once('(').unwrap_or((&call, ")"));
                let comma = if arguments == ")" { "" } else { ", " };
                format!("do local {ok}, {error} = pcall({call}{comma}{arguments} {show} end")
            }
            2 => {
                let call = self.wrong_library_call();
                format!("do local {ok}, {error} = pcall(function() return ({call}) end) {show} end")
            }
            _ => format!("do local {ok}, {error} = pcall(function() {body} end) {show} end"),
        }
    }

    fn coroutine(&mut self) -> String {
        let (name, value) = (self.name(), self.plain_but_nil());
        let body = self.block();
        match self.random.below(3) {
            0 => format!(
                "do local {name} = coroutine.wrap(function(a) {body} local b = coroutine.yield(a) return b end) \
                 put({name}({value})) put({name}(2)) end"
            ),
            1 => format!(
                "do local {name} = coroutine.create(function(a) {body} coroutine.yield(a) end) local ok, e = \
                 coroutine.resume({name}, {value}) put(ok) put(type(e) == 'table' and e.err or e) \
                 put(coroutine.status({name})) end"
            ),
            _ => format!("put(coroutine.wrap(function() {body} return ({value}) end)())"),
        }
    }

    fn metatable(&mut self) -> String {
        let name = self.name();
        let (made, used) = match self.random.below(8) {
            0 => ("{__index = function(_, k) return k .. '!' end}", format!("put({name}.x)")),
            1 => ("{__index = {x = 5}}", format!("put({name}.x) put({name}.y)")),
            2 => (
                "{__call = function(_, a) return a end}",
                format!("put({name}({}))", self.plain_but_nil()),
            ),
            3 => (
                "{__add = function() return 'sum' end}",
                format!("put({name} + 1) put(1 + {name})"),
            ),
            4 => (
                "{__concat = function(a, b) return 'joined' end}",
                format!("put({name} .. 'x') put(1 .. {name})"),
            ),
            5 => (
                "{__newindex = function(t, k, v) rawset(t, k, v * 2) end}",
                format!("{name}.z = 4 put({name}.z)"),
            ),
            6 => ("{__tostring = function() return 'shown' end}", format!("put(tostring({name}))")),
            _ => (
                "{__lt = function() return true end, __unm = function() return 'minus' end}",
                format!("put({name} < {name}) put(-{name}) put({name} <= {name})"),
            ),
        };
        format!("do local {name} = setmetatable({{}}, {made}) {used} end")
    }

    /// Several writes that belong together.
    fn transactional(&mut self) -> String {
        let commands: Vec<String> = (0..3).map(|_| self.command()).collect();
        commands.join(" ")
    }

    fn raise(&mut self) -> String {
        match self.random.below(12) {
            0 => format!("error({})", self.text()),
            1 => format!("error({}, 0)", self.reply_text()),
            2 => format!("error({{err = {}}})", self.reply_text()),
            3 => format!("error(redis.error_reply({}))", self.reply_text()),
            4 => format!("error({})", self.random.pick(&["nil", "true", "5", "1.5", "''"])),
            5 => format!("assert(false, {})", self.text()),
            6 => format!("assert({}, 'asserted')", self.boolean()),
            7 => format!("local x = {}", self.type_error()),
            8 => "error(redis.pcall('incr', '{t}text'))".into(),
            9 => self
                .random
                .pick(&["nosuch = 1", "local x = nosuch", "nosuch()", "KEYS = {}", "redis.x = 1"])
                .into(),
            10 => format!("local _ = {}", self.wrong_library_call()),
            _ => "redis.call('incr', '{t}hash')".into(),
        }
    }

    /// An expression that the VM refuses.
    fn type_error(&mut self) -> String {
        let expressions = [
            "nil + 1",
            "1 + {}",
            "'x' + 1",
            "{} .. 'x'",
            "'x' .. nil",
            "-{}",
            "#5",
            "#nil",
            "1 < 'x'",
            "'x' < 1",
            "{} < {}",
            "nil < 1",
            "true < false",
            "({}).x.y",
            "(nil).x",
            "('x').y.z",
            "({})()",
            "(5)()",
            "({}).f()",
            "({}):m()",
            "('x'):nosuch()",
            "redis.nosuch.x",
            "KEYS.x.y",
            "1 % nil",
            "2 ^ {}",
            "-'x'",
            "'a' * 'b'",
            "nosuch",
            "_G.nosuch",
            "1 <= {}",
            "true + 1",
        ];
        self.random.pick(&expressions).into()
    }

    /// The last line: what the script replies.
    pub(super) fn ending(&mut self) -> String {
        match self.random.below(14) {
            0 => format!("return {}", self.command()),
            1 => format!("return {}", self.any()),
            2 => format!("return {}", self.special_table()),
            3 => format!("return {}", self.wrong_library_call()),
            4 => self.raise(),
            5 => format!("return {{out, {}}}", self.command()),
            6 => format!("return {}", self.library_list()),
            7 => format!("return {}", self.type_error()),
            _ => "return out".into(),
        }
    }
}
