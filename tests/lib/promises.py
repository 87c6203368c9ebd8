# SPDX-License-Identifier: Apache-2.0
"""The rows of schema/promises.def and sandbox/mechanisms.def."""
import collections
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

Promise = collections.namedtuple("Promise", "id cls severity probe argument test walls control "
                                            "sentence line")


def _calls(path, *macros):
    """(line, macro, arguments) of each row; neighbouring strings are one."""
    text = (ROOT / path).read_text()
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    for match in re.finditer(rf"^({'|'.join(macros)})\(((?:\"[^\"]*\"|[^\")])*)\)", text, re.M):
        words = re.findall(r'("[^"]*"(?:\s+"[^"]*")*|[\w]+)\s*(?:,|$)', match.group(2).strip())
        yield (text.count("\n", 0, match.start()) + 1, match.group(1),
               ["".join(re.findall(r'"([^"]*)"', w)) if w[0] == '"' else w for w in words])


@functools.cache
def rows():
    found = []
    for line, macro, a in _calls("schema/promises.def", "INSIDE", "OUTSIDE"):
        if macro == "INSIDE":
            found.append(Promise(a[0], a[1], a[2], a[3], a[4], "", tuple(a[5].split("+")), a[6],
                                 a[7], line))
        else:
            found.append(Promise(a[0], a[1], a[2], "", "", a[3], tuple(a[4].split("+")), a[5],
                                 a[6], line))
    return found


@functools.cache
def mechanisms():
    """{name: (file, what it does)}."""
    return {a[0]: (a[1], a[2]) for _, _, a in _calls("sandbox/mechanisms.def", "MECHANISM")}
