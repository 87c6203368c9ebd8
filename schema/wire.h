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
#include "schema/pool_board.h"

#define WIRE_MAGIC 0x544e5457u	/* "TNTW" */
#define WIRE_VERSION 8u
#define WIRE_MACHINE_FILE "machine"	/* in run_dir: struct wire_machine, as of tenantd's start */
#define WIRE_FRAME_MAX 49152u	/* largest frame; fits a default socket buffer */

#define SITE_MAX 254		/* 253 octets (RFC 1035 2.3.4) and the end */
#define ALIASES_MAX 64
#define REASON_MAX 256
#define WIRE_BOARD_ROWS 64

enum wire_verb {
#define VERB(name, number, word, payload, reply, step, sentence) WIRE_##name = number,
#include "schema/verbs.def"
#undef VERB
	WIRE_VERBS
};

enum wire_flag {
	WIRE_REPLY = 1,		/* answers the request of the same serial */
	WIRE_STEP = 2,		/* progress: payload is struct wire_step; more follows */
	WIRE_MORE = 4,		/* a page that is not the last */
};

/* Facts of a jail. */
#define JAIL_PROCESSES 2
#define JAIL_NAMESPACES 6
#define JAIL_NAMESPACE_WORDS "cgroup", "ipc", "mnt", "net", "pid", "uts"
#define JAIL_VALUE_MAX 64

/* A promise's outcome in words. */
#define PROMISE_TEXT_MAX 88

enum jail_value { JAIL_MEMORY_MAX, JAIL_SWAP_MAX, JAIL_PIDS_MAX, JAIL_CPU_MAX, JAIL_CPU_PERIOD,
		  JAIL_CPU_WEIGHT, JAIL_VALUES };

/* Commands in a cage. */
#define EXEC_WORDS_MAX 256
#define EXEC_WORDS_SIZE 12288
#define EXEC_LIMIT_S 3600		/* where nothing is said */
#define EXEC_LIMIT_MAX_S 86400

/* The structs are those of wire.def, which tells what each field means. */
#define STRUCTS_OF "schema/wire.def"
#include "schema/structs.def"

enum ledger_state { LEDGER_ISSUED = 1, LEDGER_BUILT = 2, LEDGER_REMOVED = 3 };

enum wire_log_which { WIRE_LOG_ACCESS = 1, WIRE_LOG_NGINX, WIRE_LOG_PHP,
		      WIRE_LOG_SLOW, WIRE_LOG_MAIL };

/* Rows that fit one frame. */
#define WIRE_LIST_ROWS 512
#define WIRE_LEDGER_ROWS 128
#define WIRE_PROMISE_ROWS 256

/* Fills a head. */
void wire_head_init(struct wire_head *h, uint16_t verb, uint32_t serial, uint32_t number);

/* Checks a received frame of SIZE bytes that begins with a head: magic,
 * version, size of the payload.  ERR_BAD_RECORD. */
int wire_check(const void *frame, size_t size, struct err *err);

/* Checks everything in a tenant: texts end, host names are well formed A-labels
 * and distinct, counts in range, options in range.  Not whether names are free. */
int wire_tenant_check(const struct wire_tenant *t, struct err *err);

/* True if a board is one: the count of its rows, and the ends of its texts. */
int wire_board_check(const struct wire_board *b);

/* Checks that a command has as many words as it says, all of which end. */
int wire_exec_check(const struct wire_exec *e, struct err *err);

/* The word of a verb, or NULL for a number that is no verb. */
const char *wire_verb_word(int verb);

/* True if requests of this verb carry a payload of exactly this size. */
int wire_verb_size(int verb);	/* -1 for no verb */

/* True if the verb is one run of tenant-build. */
int wire_verb_is_build(int verb);

#endif
