/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail's spec: one fixed record per jail, written by root alone, that says
 * everything tenant-jail does.  It knows nothing of tenants: identity, mounts,
 * limits, and an opaque payload for the program that is started inside.
 */
#ifndef SANDBOX_SPEC_H
#define SANDBOX_SPEC_H

#include <stdint.h>

#include "base/err.h"

#define SPEC_MAGIC 0x544e544au	/* "TNTJ" */
#define SPEC_VERSION 4u
#define SPEC_PATH_MAX 512
#define SPEC_BINDS_MAX 16
#define SPEC_PAYLOAD_MAX 16384
#define SPEC_RESOLVERS_MAX 200

enum spec_flag {
	SPEC_SUSPENDED = 1,	/* must not be started */
	SPEC_PROGRAMS = 2,	/* exec of programs in the runtime is allowed */
	SPEC_NETWORK = 4,	/* a link to the world is made while it starts */
	SPEC_JIT = 8,		/* memory may become executable */
};

enum spec_bind_flag {
	SPEC_BIND_WRITABLE = 1,	/* else read-only; always nosuid and nodev */
	SPEC_BIND_OPTIONAL = 2,	/* a missing source is no error */
	SPEC_BIND_PROGRAM = 4,	/* else noexec; only with SPEC_PROGRAMS, never if writable */
};

struct spec_bind {
	char source[SPEC_PATH_MAX];	/* absolute, on the host; no link is followed in the home */
	char target[SPEC_PATH_MAX];	/* absolute, in the jail; made as needed */
	uint32_t flags;
	uint32_t reserved;
};

/* Limits of the jail's cgroup and home.  UINT64_MAX means no limit. */
struct spec_limits {
	uint64_t memory_max, memory_swap_max;	/* bytes */
	uint64_t pids_max;
	uint64_t cpu_quota;		/* per cent of one CPU */
	uint64_t cpu_weight;		/* 1 to 10000, cgroup v2's scale */
	uint64_t open_files;		/* RLIMIT_NOFILE */
	uint64_t disk_max, inodes_max;	/* of the home, by project quota */
	uint64_t io_max;		/* bytes a second, read and written each */
	uint64_t io_weight;		/* 1 to 10000, cgroup v2's scale */
};

struct jail_spec {
	uint32_t magic, version, size, flags;
	uint32_t number;		/* tells jails apart: cgroup, sockets */
	uint32_t uid, gid;
	uint32_t bind_count;
	uint64_t revision;		/* of the record it was made from */
	uint64_t tmp_size, shm_size;	/* bytes */
	char hostname[64];		/* uts name inside; says nothing of others */
	char user[16];			/* name in the jail's passwd */
	char home[SPEC_PATH_MAX];	/* bound writable at the same path */
	char program[SPEC_PATH_MAX];	/* what is started, a host path; opened before pivot_root */
	char runtime[SPEC_PATH_MAX];	/* folder of the program, bound read-only at its own path */
	struct spec_limits limits;
	struct spec_bind bind[SPEC_BINDS_MAX];
	char resolvers[SPEC_RESOLVERS_MAX];	/* the setting net_resolver; empty: as "host" */
	uint32_t payload_size;
	uint32_t payload_flags;
	unsigned char payload[SPEC_PAYLOAD_MAX];	/* handed to the program on a descriptor */
};

/* Checks magic, version, size, ends of texts, counts, absolute paths. */
int spec_check(const struct jail_spec *s, struct err *err);

#endif
