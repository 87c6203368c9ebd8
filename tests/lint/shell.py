#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shell scripts: shellcheck finds nothing to warn of."""
import shutil
import subprocess
import sys
import lint

if not shutil.which("shellcheck"):
    print("shellcheck is not installed")
    sys.exit(lint.SKIP)
scripts = [p for p in lint.files("*") if not p.endswith((".c", ".h", ".py", ".php"))
           and lint.starts_with(p, (b"#!/bin/sh", b"#!/bin/bash"))]
done = subprocess.run(["shellcheck", "-S", "warning", *scripts], cwd=lint.ROOT, check=False)
sys.exit(1 if done.returncode else 0)
