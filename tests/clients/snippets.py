"""Runs the programs of docs/clients.md, as they stand there, against a running cluster.

usage: snippets.py FOLDER HOST PORT MASTERS, where ioredis and redis are installed in FOLDER
A block that begins with ```LANGUAGE run is a program. What it prints has to be what its comments
say, one line for each `# prints …` or `// prints …`.
"""

import re
import subprocess
import sys
from pathlib import Path

from redis_py import Checks

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "clients.md"
BLOCK = re.compile(r"^```(\w+) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"(?:#|//) prints (.*)$", re.MULTILINE)
COMMANDS = {
    "js": ["node", "-"],
    "php": ["php"],
    "python": [sys.executable, "-"],
    "sh": ["bash", "-e"],
}


def run(check, language, text, port, folder):
    """One program: it is to be run against this cluster instead of that of the document."""
    name = f"{language}: {text.strip().splitlines()[0]}"
    expected = PRINTS.findall(text)
    for i in range(3):
        text = text.replace(str(7000 + i), str(port + i))
    done = subprocess.run(
        COMMANDS[language], input=text, capture_output=True, text=True, cwd=folder, timeout=30
    )
    check.equal(f"{name}: ends well", (0, ""), (done.returncode, done.stderr[-2000:]))
    check.equal(f"{name}: prints what it says", expected, done.stdout.splitlines())


def main():
    port, folder = int(sys.argv[-2]), sys.argv[1]
    check = Checks()
    blocks = BLOCK.findall(DOCUMENT.read_text())
    check.equal("each language has a program", set(COMMANDS), {language for language, _ in blocks})
    for language, text in blocks:
        run(check, language, text, port, folder)
    print(check.summary())
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
