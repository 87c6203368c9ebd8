/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can enforce, asked by one system call each. */
#ifndef SANDBOX_MACHINE_H
#define SANDBOX_MACHINE_H

#include "sandbox/cgroup.h"
#include "schema/wire.h"

/* Fills all but the counts of tenants.  What cannot be had is told as missing. */
void machine_read(const struct cgroup_tree *t, const char *home_dir, struct wire_machine *out);

/* The whole disk that FD's file system lies on, for io.max; 0:0 if it lies on none
 * (overlayfs, tmpfs, btrfs). */
void machine_disk(int fd, uint32_t *out_major, uint32_t *out_minor);

#endif
