//! One script under the debugger, from its first line to its end.

use std::ffi::c_int;
use std::rc::Rc;

use super::console::Console;
use super::debugger::{Debugger, Reason, Verdict};
use super::target::{Hooked, Standing, Target};
use super::{Client, Input, Request};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::script::host::{Host, Stop};
use crate::script::interrupt::Control;
use crate::script::machine::Machine;
use crate::script::program::Program;
use crate::script::raw::{Halt, Place, Progress, Stack, Thread};
use crate::script::run::{Invocation, Runner};

/// A debugger with its client.
pub(in crate::script) struct Session {
    console: Rc<Console>,
    debugger: Debugger,
    client: Box<dyn Client>,
    keeps: bool,
    /// The SHA-1 of the script, in hex.
    script: String,
    /// Anchor of the table of global variables.
    globals: c_int,
    /// What the next stop is for.
    reason: Option<Reason>,
    /// The names of the innermost local variables there, where the script is left standing.
    locals: Vec<Vec<u8>>,
}

/// What the host of a debugged script knows of the debugger.
pub(in crate::script) struct Attached {
    pub(in crate::script) console: Rc<Console>,
    /// `None` while somebody talks with the client (I3).
    session: Option<Box<Session>>,
    pub(in crate::script) progress: Progress,
    /// The calls that have not returned, outermost first, and the line that each is at.
    calls: Vec<Place>,
}

impl Attached {
    /// Whether the script can stop for the client.
    pub(in crate::script) fn can_stop(&self) -> bool {
        self.session.is_some()
    }

    /// Lua says that a line begins; whether that is so. LuaJIT says it also when a call returns to
    /// the middle of a line.
    pub(in crate::script) fn follow(&mut self, place: Place) -> bool {
        let is_over = |call: &Place| {
            let (known, new) = (call.frame, place.frame);
            // A coroutine that another one runs in is left as it was.
            known != new && (known.thread != new.thread || known.base >= new.base)
        };
        let known = self.calls.iter().any(|call| call.frame.thread == place.frame.thread);
        let mut returned = false;
        while known && self.calls.last().is_some_and(is_over) {
            self.calls.pop();
            returned = true;
        }
        match self.calls.last_mut() {
            Some(call) if call.frame == place.frame => {
                let same = call.line == place.line;
                call.line = place.line;
                !(returned && same)
            }
            _ => {
                self.calls.push(place);
                true
            }
        }
    }

    /// The script has come to a line: whether it is to stop there.
    pub(in crate::script) fn arrives(&mut self, line: i64, timed_out: bool) -> bool {
        let Some(session) = &mut self.session else { return false };
        self.console.line.set(line);
        session.reason = session.debugger.reason(line, timed_out);
        session.reason.is_some()
    }

    /// The script is about to be left standing: what its innermost local variables are called.
    pub(in crate::script) fn note_locals(&mut self, names: Vec<Vec<u8>>) {
        if let Some(session) = &mut self.session {
            session.locals = names;
        }
    }

    /// Takes the session, to talk with the client.
    pub(in crate::script) fn take(&mut self) -> Option<Box<Session>> {
        self.session.take()
    }

    pub(in crate::script) fn put_back(&mut self, session: Box<Session>) {
        self.session = Some(session);
    }
}

impl Session {
    /// A session about a script with this text and SHA-1 (in hex).
    pub(in crate::script) fn new(request: Request, body: &[u8], script: String) -> Box<Self> {
        let Request { client, keeps, hint } = request;
        let console = Rc::new(Console::default());
        if let Some(hint) = hint {
            console.say(format!("<hint> {hint}"));
        }
        let debugger = Debugger::new(body, console.clone());
        Box::new(Self {
            console,
            debugger,
            client,
            keeps,
            script,
            globals: 0,
            reason: None,
            locals: Vec::new(),
        })
    }

    /// Runs the script, if it was compiled, and keeps what it has done or takes it back.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed.
    pub(in crate::script) fn run(
        self: Box<Self>,
        mut runner: Runner<'_>,
        compiled: Result<(Machine, Program), CommandError>,
        keyspace: &mut Keyspace,
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let (mut machine, mut program) = match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                self.end();
                return Err(error);
            }
        };
        let keeps = self.keeps;
        machine.session = Some(self);
        let result = if keeps {
            runner.run(&mut machine, &mut program, keyspace, invocation, reply)
        } else {
            let Some((out, version)) = reply.as_resp() else {
                unreachable!("scripts are not called by scripts")
            };
            runner
                .rehearse(&mut machine, &mut program, keyspace, invocation, version)
                .map(|rehearsal| out.extend_from_slice(&rehearsal.reply))
        };
        // Where the script goes to another shard, the session begins anew there.
        if !matches!(result, Err(CommandError::Relocate(_)))
            && let Some(session) = machine.session.take()
        {
            session.end();
        }
        result
    }

    /// Tells the client that the session is over, with what was said last.
    fn end(mut self) {
        self.console.say(super::END_OF_SESSION);
        let lines = self.console.take();
        self.client.send(&lines);
    }

    /// Talks with the client until it lets the script go on. Otherwise returns what the script
    /// replies instead, without where it stood; nothing when something else ends it.
    fn talk(&mut self, control: &Control, target: &mut dyn Target) -> Option<&'static str> {
        self.debugger.stopped(self.reason.take().unwrap_or(Reason::Step));
        loop {
            let lines = self.console.take();
            control.wait_for_client(true);
            self.client.send(&lines);
            let input = self.client.receive();
            control.wait_for_client(false);
            let words = match input {
                Input::Command(words) => words,
                Input::Gone => return Some("the client of the debugger has gone"),
                Input::Broken => return Some("protocol error"),
                Input::Over => return None,
            };
            match self.debugger.obey(&words, target) {
                _ if target.is_over() => return None,
                Verdict::Stay => {}
                Verdict::Go => return None,
                Verdict::Abort => return Some("script aborted for user request"),
            }
        }
    }

    /// The same inside of the hook. What is returned is the whole error.
    pub(in crate::script) fn talk_in_hook(
        mut self: Box<Self>,
        stack: Stack,
        control: &Control,
    ) -> (Box<Self>, Option<Vec<u8>>) {
        let mut target = Hooked { stack, control, globals: self.globals };
        let words = self.talk(control, &mut target).map(|why| self.last_words(why));
        (self, words)
    }

    fn last_words(&self, why: &str) -> Vec<u8> {
        let line = self.console.line.get();
        format!("ERR {why} script: {}, on @user_script:{line}.", self.script).into_bytes()
    }
}

/// Runs the function on top of the stack, which lies on the message handler, under the debugger.
/// On success its result is on top of the stack, else the error value.
pub(in crate::script) fn drive(
    machine: &mut Machine,
    control: &Control,
    mut session: Box<Session>,
) -> (Box<Session>, Result<(), ()>) {
    let stack = machine.vm.stack();
    let handler = stack.top() - 1;
    // `xpcall` can be left standing, which the C API's protected call cannot.
    stack.push_lua_xpcall();
    stack.push_value(handler + 1);
    stack.push_value(handler);
    session.globals = machine.globals;
    let console = session.console.clone();
    let attached =
        Attached { console, session: Some(session), progress: Progress::Gone, calls: Vec::new() };
    machine.host.with(|host| host.debugger = Some(Box::new(attached)));
    let mut thread = machine.vm.begin_debugging(control, 3);
    let halt = loop {
        let halt = machine.vm.resume(control, &mut thread);
        if halt != Halt::Standing {
            break halt;
        }
        let session =
            machine.host.with(|host| host.debugger.as_deref_mut().and_then(Attached::take));
        let Some(mut session) = session else { break halt };
        let locals = std::mem::take(&mut session.locals);
        let line = session.console.line.get();
        let mut target = Standing { machine, control, thread: thread.stack(), line, locals };
        let words = session.talk(control, &mut target).map(|why| session.last_words(why));
        let position = Some((b"@user_script".to_vec(), line));
        let over = machine.host.with(|host| {
            if let Some(attached) = &mut host.debugger {
                attached.put_back(session);
            }
            note_end(host, words, position)
        });
        if over {
            break halt;
        }
    };
    let result = finish(machine, control, thread, halt);
    let attached = machine.host.with(|host| host.debugger.take());
    let session = attached.and_then(|mut attached| attached.take());
    let Some(session) = session else { unreachable!("whoever takes the session puts it back") };
    (session, result)
}

/// Notes why the script does not go on; false when it does.
fn note_end(host: &mut Host, words: Option<Vec<u8>>, position: Option<(Vec<u8>, i64)>) -> bool {
    if let Some(words) = words {
        host.last_words = words;
        host.note_stop(Stop::GaveUp, position);
        return true;
    }
    match host.stop_asked() {
        Some(stop) => {
            host.note_stop(stop, position);
            true
        }
        None => false,
    }
}

/// Ends the coroutine and leaves the script's result, or its error value, on top of the stack.
fn finish(machine: &mut Machine, control: &Control, thread: Thread, halt: Halt) -> Result<(), ()> {
    let stack = machine.vm.stack();
    match halt {
        Halt::Returned => {
            // What `xpcall` returns: whether it went well, and the result.
            thread.stack().set_top(2);
            machine.vm.end_debugging(control, thread, 2);
            if stack.boolean(-2) { Ok(()) } else { Err(()) }
        }
        Halt::Raised => {
            machine.vm.end_debugging(control, thread, 1);
            Err(())
        }
        Halt::Standing => {
            machine.vm.end_debugging(control, thread, 0);
            stack.push_nil();
            Err(())
        }
    }
}
