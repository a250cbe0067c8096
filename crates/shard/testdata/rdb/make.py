#!/usr/bin/env python3
"""Makes the golden files in this folder: values of cases.txt as servers write them.

    make.py NAME PORT [NAME PORT ...]

NAME is the version of the server that listens on PORT: 7.0 of Redis 7.0.15, 8.2 of Redis 8.2.3, 9.1 of
Valkey 9.1.2. Written are NAME.rdb (what SAVE writes; the server must run with `--dir` of a folder that
this program can read) and, of 8.2, NAME.dumps (for each case the payload of DUMP, in hexadecimal). The
server's data are removed first. Start servers like this:

    redis-server --port 24101 --save '' --dir /tmp/x
"""

import os
import shlex
import shutil
import socket
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
LIBRARY = "#!lua name=golden\nredis.register_function('golden', function() return 1 end)"


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __call__(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            word = word.encode() if isinstance(word, str) else word
            out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(out)
        return self.read()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise SystemExit(rest.decode())
        if kind in b"+:":
            return rest
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return [self.read() for _ in range(int(rest))]


def cases():
    """(name, words behind it, requests) of each case."""
    found = []
    for line in open(os.path.join(FOLDER, "cases.txt")):
        word, _, rest = line.strip().partition(" ")
        if word == "case":
            name, *words = rest.split()
            found.append((name, words, []))
        elif word == "do":
            found[-1][2].extend(requests(rest, found[-1][0], 1))
        elif word == "repeat":
            count, _, rest = rest.partition(" ")
            found[-1][2].extend(requests(rest, found[-1][0], int(count)))
    return found


def requests(line, key, count):
    for i in range(1, count + 1):
        yield [expand(word, key, i) for word in split(line)]


def expand(word, key, i):
    word = key.encode() if word == b"KEY" else word.replace(b"{i}", str(i).encode())
    before, found, rest = word.partition(b"{x:")
    if found:
        number, _, after = rest.partition(b"}")
        word = before + b"x" * int(number) + after
    return word


def split(line):
    """Words as redis-cli reads them."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters, lexer.quotes = True, "", "", '"'
    unescape = lambda word: word.encode("latin-1").decode("unicode_escape").encode("latin-1")
    return [unescape(word) for word in lexer]


def make(name, port):
    client = Client(port)
    client("FLUSHALL")
    client("FUNCTION", "FLUSH")
    client("FUNCTION", "LOAD", LIBRARY)
    lines = []
    for key, words, wanted in cases():
        if "since" in words and float(words[words.index("since") + 1]) > float(name):
            continue
        for request in wanted:
            client(*request)
        lines.append(f"{key} {client('DUMP', key).hex()}\n")
    if name == "8.2":
        open(os.path.join(FOLDER, name + ".dumps"), "w").writelines(lines)
    client("PEXPIREAT", "string:short", "4102444800000")
    client("SAVE")
    [_, folder], [_, file] = client("CONFIG", "GET", "dir"), client("CONFIG", "GET", "dbfilename")
    shutil.copy(os.path.join(folder, file), os.path.join(FOLDER.encode(), name.encode() + b".rdb"))


for at in range(1, len(sys.argv), 2):
    make(sys.argv[at], int(sys.argv[at + 1]))
