#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Functions that have a safer sister are not called."""
import re
import lint

REFUSED = {
    "strcpy": "str_copy", "strcat": "str_format", "stpcpy": "str_copy",
    "strncpy": "str_copy", "strncat": "str_format", "sprintf": "str_format", "vsprintf": "vsnprintf",
    "gets": "getline", "atoi": "str_number", "atol": "str_number", "atoll": "str_number",
    "atof": "strtod", "alloca": "an array of fixed size", "strtok": "strtok_r",
    "system": "fork and exec", "popen": "fork and exec", "mktemp": "mkstemp", "tmpnam": "mkstemp",
    "tempnam": "mkstemp", "signal": "sigaction", "usleep": "a bounded wait for an event",
    "rand": "getrandom", "srand": "getrandom", "gethostbyname": "getaddrinfo",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(REFUSED) + r")\s*\(")

for path in lint.files("*.c", "*.h"):
    for number, line in lint.code(path):
        for match in CALL.finditer(line):
            name = match.group(1)
            if name == "signal" and re.search(r"signal\s*\(\s*SIG\w+\s*,\s*SIG_(IGN|DFL)\s*\)", line):
                continue    # no handler: nothing that sigaction would do better
            if line.startswith("FILE *popen("):
                continue    # pool/sapi_mail.c stands in its place
            lint.report(path, number, f"{name}: use {REFUSED[name]}")
lint.finish()
