# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the files of the tree, and how a finding is reported."""
import fnmatch
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77           # exit status of a check that cannot run here
found = 0


def files(*patterns):
    """Paths of the tree, from its root, that match one of the patterns.

    In a clone these are git's files and new ones that it does not ignore; in
    an unpacked tarball all that is there."""
    if shutil.which("git") and (ROOT / ".git").exists():
        paths = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                               text=True, stdout=subprocess.PIPE, check=True).stdout.split("\n")
    else:
        paths = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if "__pycache__" not in p.parts]
    return sorted(p for p in set(paths) if p and (ROOT / p).is_file()
                  and not p.startswith(("build/", ".git/"))
                  and any(fnmatch.fnmatch(p.rsplit("/", 1)[-1], x) for x in patterns))


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def starts_with(path, heads):
    with open(ROOT / path, "rb") as file:
        return file.read(64).startswith(heads)


def lines(path):
    return enumerate(text(path).split("\n"), 1)


def code(path):
    """The text with comments and the insides of strings blanked, line by line."""
    def blank(match):
        s = match.group(0)
        return '""' if s[0] == '"' else re.sub(r"[^\n]", " ", s)

    plain = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text(path), flags=re.S)
    return enumerate(plain.split("\n"), 1)


def included(line):
    match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
    return match.group(1) if match else None


def report(path, number, what):
    global found
    found += 1
    print(f"{path}:{number}: {what}")


def finish():
    sys.exit(1 if found else 0)
