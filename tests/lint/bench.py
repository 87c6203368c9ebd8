#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table in docs/performance.md and the picture are what the bench's results say."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.exit(subprocess.run([sys.executable, ROOT / "bench/report.py", "--check"], check=False).returncode)
