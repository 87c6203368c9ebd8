/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail on its way out of a cage: what the pool or the cage's sendmail program
 * says to tenant-mail on a stream socket, and the records that go with it.  What
 * comes from a cage is an attacker's; who it is, the kernel says (SO_PEERCRED).
 */
#ifndef SCHEMA_MAIL_WIRE_H
#define SCHEMA_MAIL_WIRE_H

#include <stdint.h>

#include "schema/wire.h"

#define MAIL_MAGIC 0x544e4d4cu	/* "TNML" */
#define MAIL_VERSION 1u

/* The folder is bound into the cage, not the socket, which a new tenant-mail
 * makes again. */
#define MAIL_DIR "mail"			/* below state_dir: rules */
#define MAIL_SOCKET_DIR "mail/socket"	/* below run_dir, as is the next */
#define MAIL_COUNTS_DIR "mail/counts"
#define MAIL_LOG_DIR "mail/log"		/* named pipes towards the sites' mail.log, by number */
#define MAIL_SOCKET "sock"
#define MAIL_JAIL_DIR "/run/mail"	/* where the cage sees it */
#define MAIL_PROGRAM "/usr/sbin/sendmail"	/* in cages that allow programs */

#define MAIL_TEXT_MAX 248
#define MAIL_ADDRESS_MAX 255	/* with its NUL */
#define MAIL_RECIPIENTS_MAX 100
#define MAIL_HEADERS_MAX 65536	/* bytes of all headers together */
#define MAIL_PIECE_MAX 65536

#define MAIL_SLOTS 13		/* twelve make an hour, and one is not yet over */
#define MAIL_SLOT_S 300

/* How long each part may take.  A client waits for all of them. */
#define MAIL_RECEIVE_S 20	/* for the whole of a message */
#define MAIL_QUEUE_S 10		/* for a free mailer */
#define MAIL_RUN_S 15		/* the mailer */
#define MAIL_CLIENT_S (MAIL_QUEUE_S + MAIL_RUN_S + 5)

enum mail_kind { MAIL_KIND_SEND = 1, MAIL_KIND_COUNT };

enum mail_result {
#define RESULT(name, number, word, status, sentence) MAIL_RESULT_##name = number,
#include "schema/mail_results.def"
#undef RESULT
	MAIL_RESULTS
};

#define STRUCTS_OF "schema/mail_wire.def"
#include "schema/structs.def"

/* "sent"; "unknown" for what is no result. */
const char *mail_result_word(uint32_t result);
/* Exit status of the sendmail program. */
int mail_result_status(uint32_t result);

#endif
