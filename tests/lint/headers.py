#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, and guards itself by its own path."""
import os
import re
import subprocess
import lint

CC = os.environ.get("CC", "cc")
BUILD = os.environ.get("BUILD", "build/plain")


def php_includes():
    for name in ("php-config", "php-config8.2", "php-config8.4"):
        try:
            words = subprocess.run([name, "--includes"], text=True, stdout=subprocess.PIPE,
                                   check=True).stdout.split()
        except (OSError, subprocess.CalledProcessError):
            continue
        return [w.replace("-I", "-isystem", 1) for w in words]
    return []


for path in lint.files("*.h"):
    guard = re.sub(r"[/.-]", "_", path).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in lint.text(path):
        lint.report(path, 1, f"no guard {guard}")
    php = php_includes() if path.startswith("pool/sapi") else []
    done = subprocess.run([CC, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                           "-fsyntax-only", "-I.", f"-I{BUILD}", *php, "-include", path,
                           "-x", "c", "/dev/null"],
                          cwd=lint.ROOT, text=True, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        lint.report(path, 1, "does not compile alone:\n" + done.stderr)
lint.finish()
