#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole-system tests of every machine, here on pure cgroup v2, with systemd.
. ./lib.sh
cd tree || exit 1
python3 tests/run.py --built --limit "${TRIPS_LIMIT:-2400}" vm | tee trips.out
read -r passed _ failed _ <<<"$(tail -n 1 trips.out)"
for _ in $(seq "$passed"); do echo "ok whole-system test"; done >>"$RESULTS"
for _ in $(seq "$failed"); do echo "not ok whole-system test"; done >>"$RESULTS"
