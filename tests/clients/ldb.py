"""redis-cli --ldb, in a terminal of its own, against a running server and against redis-server.

usage: ldb.py HOST PORT MASTERS
Empties the server. Where redis-server is installed, every dialogue is had with both, and what they
say is compared line by line; what differs on purpose is named in `plain` and `as_atoll_says`.
ATOLL_TEST_PEER=redis says that the server is Redis itself, and skips what Redis cannot do.
"""

import binascii
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

PEER_IS_ATOLL = os.environ.get("ATOLL_TEST_PEER") != "redis"
PATIENCE_S = 15
DEBUGGER = "lua debugger> "

SCRIPT = """\
local total = 0
local function add(by)
  local new = total + by
  total = new
  return new
end
redis.call('set', KEYS[1], ARGV[1])
for i = 1, 3 do
  add(i)
end
redis.debug('total', total, {1, 'two', {}})
redis.breakpoint()
local got = redis.call('get', KEYS[1])
local text = string.rep('x', 300)
return {got, total}
"""

# What is typed, in both modes. `quit` ends redis-cli.
DIALOGUE = [
    "list",
    "s",
    "n",
    "print",
    "print total",
    "print KEYS",
    "p ARGV",
    "p nosuch",
    "step",
    "whole",
    "l 3 1",
    "break",
    "break 3 5",
    "b 99",
    "b x",
    "continue",
    "trace",
    "p",
    "p by",
    "b",
    "c",
    "b -3",
    "b -3",
    "c",
    "b 0",
    "b",
    "c",
    "s",
    "s",
    "p got",
    "s",
    "p text",
    "p text",
    "maxlen 60",
    "p text",
    "maxlen 0",
    "p text",
    "m",
    "eval 1 + 1",
    "e KEYS[1]",
    "e redis.call('get', KEYS[1])",
    "e nosuch",
    "e error('boo')",
    "redis get {KEY}",
    "r set {KEY} other",
    "r nosuch",
    "r incr {KEY}",
    "e {1, {2}, 'x'}",
    "nosuch",
    "c",
]


class Checks:
    """Counts checks and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def equal(self, name, want, got):
        if want == got:
            self.passed += 1
            print(f"ok   {name}")
        else:
            self.failed += 1
            print(f"FAIL {name}\n     want: {want!r}\n     got:  {got!r}")

    def skip(self, name):
        self.skipped += 1
        print(f"skip {name}")

    def summary(self):
        line = f"{self.passed} passed, {self.failed} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line


class Terminal:
    """redis-cli in a pseudo-terminal."""

    def __init__(self, host, port, *arguments):
        command = ["redis-cli", "-h", host, "-p", str(port), *arguments]
        self.prompts = (DEBUGGER, f"{host}:{port}> ")
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            # Without a history, and without the editing of lines that would echo them anew.
            os.environ.update(TERM="dumb", REDISCLI_HISTFILE="/dev/null")
            os.execvp(command[0], command)
        self.prompt = None

    def read(self):
        """The lines up to the next prompt, or to the end of redis-cli."""
        text, end = "", time.monotonic() + PATIENCE_S
        while not text.endswith(self.prompts):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no prompt after {text!r}")
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                data = b""
            if not data:
                self.prompt = None
                break
            text += data.decode("utf-8", "replace").replace("\r", "")
        else:
            self.prompt = next(prompt for prompt in self.prompts if text.endswith(prompt))
            text = text.removesuffix(self.prompt)
        return text.splitlines()

    def say(self, line):
        """What is answered to a line, without the line itself, which the terminal echoes."""
        os.write(self.terminal, line.encode() + b"\n")
        lines = self.read()
        return lines[1:] if lines[:1] == [line] else lines

    def close(self):
        os.close(self.terminal)
        try:
            os.kill(self.process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.process, 0)


class Server:
    """A server that scripts are debugged on."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def cli(self, *words):
        command = ["redis-cli", "-h", self.host, "-p", str(self.port), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        return done.stdout.strip()

    def debug(self, mode, script, lines, key, argument="v"):
        """The whole dialogue: what is said first, and what is answered to each line."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            terminal = Terminal(self.host, self.port, mode, "--eval", file.name, key, ",", argument)
            try:
                answers = [("", terminal.read())]
                for line in lines:
                    answers.append((line, terminal.say(line.replace("{KEY}", key))))
                return answers, terminal.prompt
            finally:
                terminal.close()


class Redis(Server):
    """A redis-server of our own, to compare with."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__("127.0.0.1", port)
        self.folder = tempfile.TemporaryDirectory()
        command = ["redis-server", "--port", str(port), "--dir", self.folder.name, "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_S
        while self.cli("ping") != "PONG":
            if time.monotonic() > end:
                raise TimeoutError("redis-server does not answer")
            time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def plain(lines):
    """What is compared: addresses differ from run to run."""
    return [re.sub(r"@0x[0-9a-f]+", "@0x", line) for line in lines]


def as_atoll_says(lines):
    """What Redis says, in Atoll's words where those are others on purpose."""
    hint = "<hint> The value was cut. Use 'maxlen 0' to see values whole."
    return [hint if line.startswith("<hint> ") else line for line in plain(lines)]


def keys_of_node(server):
    """A key of each quarter of the slots, as far as the node has them: on a node with four shards,
    one of each. None of them exists."""
    keys = {}
    for number in range(100):
        key = f"ldb:{number}"
        keys.setdefault(binascii.crc_hqx(key.encode(), 0) % 16384 // 4096, key)
    # Where the key is another node's the answer is no number.
    return [key for key in keys.values() if server.cli("del", key).isdigit()]


def leaves_nothing(check, server, mode, key):
    """A session that did not reach its end has changed nothing. Redis keeps what was done in SYNC."""
    name = "what it has done is taken back"
    if PEER_IS_ATOLL or mode == "--ldb":
        check.equal(name, "0", server.cli("exists", key))
    else:
        check.skip(name)


def dialogues(check, server, redis, mode):
    """The whole dialogue, as Redis has it."""
    if redis is None:
        check.skip("dialogues are compared: redis-server is not installed")
        return
    key = keys_of_node(server)[0]
    got, prompt = server.debug(mode, SCRIPT, DIALOGUE, key)
    want, _ = redis.debug(mode, SCRIPT, DIALOGUE, key)
    check.equal("redis-cli has a common prompt again", f"{server.host}:{server.port}> ", prompt)
    for at, (line, answer) in enumerate(got):
        name = f"{at}: {line}" if line else "the first stop"
        check.equal(name, as_atoll_says(want[at][1]), plain(answer))


def commands(check, server, _redis, mode):
    """The same without a Redis to compare with: what is said at each step."""
    key = keys_of_node(server)[0]
    lines = ["b 4", "c", "p by", "t", "e KEYS[1]", "r get {KEY}", "w", "b 0", "m 0", "c"]
    answers, _ = server.debug(mode, SCRIPT, lines, key)
    said = {line: plain(answer) for line, answer in answers}
    source = SCRIPT.splitlines()
    check.equal(
        "the first stop",
        ["* Stopped at 1, stop reason = step over", f"-> 1   {source[0]}"],
        said[""][-2:],
    )
    check.equal("a breakpoint", f"  #4   {source[3]}", said["b 4"][1])
    check.equal("a local variable", ["<value> 1"], said["p by"])
    trace = ["In add:", f"->#4   {source[3]}", "From top level:", f"   9   {source[8]}"]
    check.equal("a trace", trace, said["t"])
    check.equal("code", [f'<retval> "{key}"'], said["e KEYS[1]"])
    check.equal("a command", [f"<redis> get {key}", '<reply> "v"'], said["r get {KEY}"])
    check.equal("the whole script", len(source), len(said["w"]))
    check.equal(
        "redis.breakpoint and redis.debug",
        [
            '<debug> line 11: "total", 6, {1; "two"; {}}',
            "* Stopped at 13, stop reason = redis.breakpoint() called",
            f"-> 13  {source[12]}",
        ],
        said["c"],
    )


def help_and_quit(check, server, _redis, mode):
    key = keys_of_node(server)[0]
    answers, prompt = server.debug(mode, SCRIPT, ["help", "quit"], key)
    text = answers[1][1]
    for letter in "hsnclwpbterma":
        named = any(line.startswith(f"[{letter}]") for line in text)
        check.equal(f"help names [{letter}]", True, named)
    check.equal("quit ends redis-cli", None, prompt)
    leaves_nothing(check, server, mode, key)


def restart(check, server, _redis, mode):
    key = keys_of_node(server)[0]
    lines = ["b 12", "c", "p total", "restart", "b", "c", "b 0", "c"]
    answers, prompt = server.debug(mode, SCRIPT, lines, key)
    stop = ["* Stopped at 1, stop reason = step over", f"-> 1   {SCRIPT.splitlines()[0]}"]
    check.equal("restart begins anew", stop, answers[4][1][-2:])
    no_breakpoints = ["No breakpoints set. Use 'b <line>' to add one."]
    check.equal("without the breakpoints", no_breakpoints, answers[5][1])
    check.equal("and runs to its end", f"{server.host}:{server.port}> ", prompt)


def data(check, server, _redis, mode):
    """YES changes nothing, SYNC what the script has changed."""
    keeps = mode == "--ldb-sync-mode"
    for key in keys_of_node(server):
        server.cli("set", key, "before")
        answers, _ = server.debug(mode, SCRIPT, ["c", "c"], key, argument="after")
        ended = "(Lua debugging session ended%s)" % (
            "" if keeps else " -- dataset changes rolled back"
        )
        check.equal(f"{key}: the session has ended", True, ended in answers[2][1])
        reply = ['1) "after"', "2) (integer) 6"]
        check.equal(f"{key}: the script has replied", reply, answers[2][1][1:3])
        check.equal(f"{key}: its value", "after" if keeps else "before", server.cli("get", key))


def abort(check, server, _redis, mode):
    key = keys_of_node(server)[0]
    answers, _ = server.debug(mode, SCRIPT, ["s", "s", "s", "abort"], key)
    aborted = "(error) ERR script aborted for user request script: "
    said = [line for line in answers[4][1] if line.startswith(aborted)]
    check.equal("abort ends the script", True, bool(said) and said[0].endswith("on @user_script:8."))
    leaves_nothing(check, server, mode, key)


def errors(check, server, _redis, mode):
    key = keys_of_node(server)[0]
    body = "redis.call('set', KEYS[1], 'x')\nerror('boo')\n"
    answers, _ = server.debug(mode, body, ["s", "s"], key)
    error = "(error) ERR user_script:2: boo script: "
    check.equal("an error", 1, sum(line.startswith(error) for line in answers[2][1]))
    leaves_nothing(check, server, mode, key)


PARTS = (dialogues, commands, help_and_quit, restart, data, abort, errors)


def main():
    server = Server(sys.argv[1], int(sys.argv[2]))
    server.cli("flushall")
    redis = Redis() if shutil.which("redis-server") else None
    check = Checks()
    try:
        for mode in ("--ldb", "--ldb-sync-mode"):
            print(f"-- redis-cli {mode}")
            for part in PARTS:
                # One part that breaks off must not hide what the others would show.
                try:
                    part(check, server, redis, mode)
                except Exception as error:
                    traceback.print_exc()
                    check.equal(f"{part.__name__} runs to its end", None, error)
    finally:
        if redis is not None:
            redis.stop()
    print(check.summary())
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
