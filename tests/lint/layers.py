#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file includes its own layer and lower ones, written from the root of the tree."""
import lint

# What each layer may include besides itself.  The lists are written out, because
# the order is no straight line: the daemons do not see the pool, the client
# sees two layers only.
BELOW = {
    "base": (),
    "schema": ("base",),
    "sandbox": ("base", "schema"),
    "tenants": ("base", "schema", "sandbox"),
    "pool": ("base", "schema"),
    "daemon/supervisor": ("base", "schema", "sandbox"),
    "daemon/control": ("base", "schema", "tenants"),
    "daemon/log": ("base", "schema"),
    "daemon/mail": ("base", "schema"),
    "daemon/net": ("base", "schema"),
    "admin-cli": ("base", "schema"),
}


def layer_of(path):
    for layer in BELOW:
        if path == layer or path.startswith(layer + "/"):
            return layer
    return None


for path in lint.files("*.c", "*.h"):
    layer = layer_of(path)
    for number, line in lint.lines(path):
        name = lint.included(line)
        if not name or name in ("build_config.h", "sql_migrations.h", "filters_code.h"):
            continue
        if not (lint.ROOT / name).is_file():
            lint.report(path, number, f"'{name}' is no path from the root of the tree")
            continue
        other = layer_of(name)
        if layer and other != layer and other not in BELOW[layer]:
            lint.report(path, number, f"{layer} must not include {name}")
lint.finish()
