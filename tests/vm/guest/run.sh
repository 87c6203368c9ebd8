#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: runs the scripts one after the other, each in the state the one before left,
# and sums up.  What failed leaves the journal in out/.
cd "$(dirname "$0")" || exit 1
export RESULTS=$PWD/out/results
: >"$RESULTS"
for script in [0-9]*.sh; do
	[ $# = 0 ] || [[ " $* " = *" ${script%.sh} "* ]] || continue
	read -r up _ </proc/uptime
	echo "== ${script%.sh} (at ${up%.*} s)"
	bash "./$script" || echo "not ok $script ended with status $?" | tee -a "$RESULTS"
done
passed=$(grep -c '^ok ' "$RESULTS")
failed=$(grep -c '^not ok ' "$RESULTS")
journalctl -b --no-pager -o short-monotonic >out/journal 2>&1
if [ "$failed" != 0 ]; then
	echo "== the end of the journal"
	journalctl -b --no-pager -n 60 -o cat -u 'tenant*' 2>&1
	grep '^not ok ' "$RESULTS"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
