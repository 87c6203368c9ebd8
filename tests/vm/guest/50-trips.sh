#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole-system tests of every machine, here on pure cgroup v2, with systemd.
. ./lib.sh
suite vm
