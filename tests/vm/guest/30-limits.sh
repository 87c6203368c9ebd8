#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits stand in cgroup v2, and the kernel counts that they bite.
. ./lib.sh
site=site.example
ok "limits are set" tenantctl set "$site" memory_max=96M pids_max=12 cpu_quota=20 \
	memory_limit=512M max_children=2
page "$site" /facts.php >/dev/null
group=$(group "$site")
ok "memory.max" is $((96 << 20)) cat "$group/memory.max"
ok "memory.swap.max" is 0 cat "$group/memory.swap.max"
ok "pids.max" is 12 cat "$group/pids.max"
ok "cpu.max" has "20000 100000" cat "$group/cpu.max"
ok "nothing was throttled for nothing" above -1 counter "$site" cpu.stat nr_throttled

before=$(counter "$site" cpu.stat nr_throttled)
ok "a busy page still answers" is "done" page "$site" "/load.php?what=cpu"
ok "cpu.stat counts throttling" above "$before" counter "$site" cpu.stat nr_throttled

before=$(counter "$site" memory.events oom_kill)
ok "a greedy page dies" not page "$site" "/load.php?what=memory"
ok "memory.events counts the kill" within 10 above "$before" counter "$site" memory.events oom_kill
ok "the site answers again" within 30 page "$site" /facts.php
ok "the neighbour saw nothing" is 0 counter shop.example memory.events oom_kill
ok "the units run on" systemctl is-active tenantd-tree tenantd tenant-control

ok "more workers than processes" tenantctl set "$site" max_children=16 memory_max=256M cpu_quota=100
before=$(counter "$site" pids.events max)
for _ in $(seq 16); do
	page "$site" "/load.php?what=sleep&s=20" >/dev/null 2>&1 &
done
ok "pids.events counts" within 40 above "$before" counter "$site" pids.events max
wait
ok "it answers after that" within 30 page "$site" /facts.php
ok "limits go back" tenantctl set "$site" memory_max= pids_max= cpu_quota= memory_limit= max_children=
ok "memory.max is the default's" is $((512 << 20)) cat "$group/memory.max"
