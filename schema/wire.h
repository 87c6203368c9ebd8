/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The internal protocol: fixed structs in host byte order, one frame per
 * SOCK_SEQPACKET message (control and supervisor), or as a sealed record on a
 * descriptor and frames on a pipe (supervisor and builder).  All are programs
 * of one build on one machine; HELLO compares WIRE_VERSION.
 *
 * A receiver checks head and size with wire_check() and every text and number
 * in a payload with the function of that payload before use.
 */
#ifndef SCHEMA_WIRE_H
#define SCHEMA_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/options.h"

#define WIRE_MAGIC 0x544e5457u	/* "TNTW" */
#define WIRE_VERSION 1u
#define WIRE_FRAME_MAX 49152u	/* largest frame; fits a default socket buffer */

#define SITE_MAX 254		/* 253 octets (RFC 1035 2.3.4) and the end */
#define ALIASES_MAX 64
#define REASON_MAX 256

enum wire_verb {
#define VERB(name, number, word, payload, step, sentence) WIRE_##name = number,
#include "schema/verbs.def"
#undef VERB
	WIRE_VERBS
};

enum wire_flag {
	WIRE_REPLY = 1,		/* answers the request of the same serial */
	WIRE_STEP = 2,		/* progress: payload is struct wire_step; more follows */
	WIRE_MORE = 4,		/* a page that is not the last */
};

struct wire_head {
	uint32_t magic;
	uint16_t version;
	uint16_t verb;
	uint32_t flags;
	uint32_t serial;	/* chosen by the requester */
	uint32_t number;	/* tenant, or 0 */
	int32_t code;		/* of a reply: 0 or a code of errors.def; then the payload is text
				 * with its terminator, at most ERR_TEXT_MAX bytes */
	uint32_t size;		/* of the payload */
	uint32_t nginx_revision;	/* of a builder's reply: staged tree to swap in; 0: none */
};

/* What a tenant should be. */
struct wire_tenant {
	char site[SITE_MAX];
	char reason[REASON_MAX];	/* of a suspension; shown to nobody but the operator */
	uint16_t is_suspended;
	uint32_t alias_count;
	uint64_t revision;		/* control's count of changes of this tenant */
	uint32_t restore_number;	/* RESTORE: whose removed home */
	uint32_t reserved;
	char alias[ALIASES_MAX][SITE_MAX];
	struct options options;
};

struct wire_page {
	uint32_t after;		/* numbers above this one */
	uint32_t reserved;
};

/* One step of a change, for `add` to show. */
struct wire_step {
	char name[32];		/* facet or program, "home", "nginx" */
	uint32_t microseconds;
	int32_t code;
};

struct wire_list_row {
	uint32_t number;
	uint32_t generation;
	uint64_t revision;	/* of the spec on disk */
	uint16_t is_suspended;
	uint16_t pool_state;
	uint32_t reserved;
};

enum ledger_state { LEDGER_ISSUED = 1, LEDGER_BUILT = 2, LEDGER_REMOVED = 3 };

struct wire_ledger_row {
	uint32_t number;
	uint32_t state;		/* enum ledger_state */
	int64_t changed_at;	/* seconds since 1970 */
	uint32_t is_home_kept;	/* REMOVED: the home can still be restored */
	char site[SITE_MAX];
	char pad[2];
};

/* Live facts of one tenant, from the supervisor's memory and cgroupfs. */
struct wire_status {
	uint32_t pool_state;
	uint32_t generation;
	int32_t master_pid;		/* on the host; 0 when cold */
	uint32_t processes;
	int64_t since;			/* of the pool state; seconds since 1970 */
	uint64_t starts;		/* since the supervisor started */
	uint64_t crashes;
	uint64_t listener_replaced;	/* times the tenant damaged its listener */
	uint32_t backoff_s;		/* until the next start is tried */
	int32_t workers, active;	/* -1: not known */
	uint64_t memory_current, memory_max;	/* bytes; UINT64_MAX: no limit */
	uint64_t memory_oom_kill, memory_max_hit;
	uint64_t pids_current, pids_max, pids_max_hit;
	uint64_t cpu_usage_us, cpu_nr_throttled, cpu_throttled_us;
	uint32_t is_adopted;		/* started by an earlier supervisor */
	uint32_t listen_queue;		/* connections that wait, by sock_diag(7) */
	char last_end[REASON_MAX];	/* why the last pool ended */
	char last_error[REASON_MAX];	/* why the last start failed */
};

/* Rows that fit one frame. */
#define WIRE_LIST_ROWS 512
#define WIRE_LEDGER_ROWS 128

/* Fills a head. */
void wire_head_init(struct wire_head *h, uint16_t verb, uint32_t serial, uint32_t number);

/* Checks a received frame of SIZE bytes that begins with a head: magic,
 * version, size of the payload.  ERR_BAD_RECORD. */
int wire_check(const void *frame, size_t size, struct err *err);

/* Checks everything in a tenant: texts end, host names are well formed A-labels
 * and distinct, counts in range, options in range.  Not whether names are free. */
int wire_tenant_check(const struct wire_tenant *t, struct err *err);

/* The word of a verb, or NULL for a number that is no verb. */
const char *wire_verb_word(int verb);

/* True if requests of this verb carry a payload of exactly this size. */
int wire_verb_size(int verb);	/* -1 for no verb */

/* True if the verb is one run of tenant-build. */
int wire_verb_is_build(int verb);

#endif
