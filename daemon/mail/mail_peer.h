/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection with its message, from the first byte to the answer: mail_server.c reads
 * it, mail_peer.c has it sent and says what came of it.  Nobody else sees it.
 */
#ifndef DAEMON_MAIL_MAIL_PEER_H
#define DAEMON_MAIL_MAIL_PEER_H

#include <stdio.h>

#include "daemon/mail/mail_reader.h"
#include "daemon/mail/mail_run.h"
#include "daemon/mail/mail_server.h"
#include "schema/mail_wire.h"

#define MAIL_IDENTITY_MAX 1024

enum mail_stage { MAIL_READING, MAIL_WAITING, MAIL_RUNNING, MAIL_REFUSED };

struct mail_peer {
	struct mail_peer *next;
	struct mail_server *server;
	struct loop_watch watch;
	struct loop_timer timer;
	struct mail_reader reader;
	struct mail_run run;
	enum mail_stage stage;
	uint32_t number;
	struct mail_rule rule;
	FILE *file;
	uint64_t held;
	bool is_late;			/* its mailer was killed */
	bool is_paused;			/* what came is looked at by the clock */
	uint32_t result;		/* MAIL_REFUSED: the answer, when its time has come */
	char text[MAIL_TEXT_MAX];
	char identity[MAIL_IDENTITY_MAX];
	char sender[MAIL_ADDRESS_MAX];
};

/* Seconds since the boot: no clock that is set gives a new hour. */
uint64_t mail_peer_now_s(void);

/* Answers, counts, logs, and frees the peer; later, where too many of its tenant were refused. */
void mail_peer_finish(struct mail_peer *p, uint32_t result, const char *text);

/* The same for one that has no place to wait in: at once, and where there were too many, without a
 * line. */
void mail_peer_turn_away(struct mail_peer *p, const char *text);

/* The same without a word: who is no tenant has no counts. */
void mail_peer_close(struct mail_peer *p);

/* At most one line a second and tenant: a flood of bad messages is no flood of
 * the log, in which the lines of others would be lost. */
bool mail_peer_may_tell(struct mail_count *row);

/* Connections of the tenant; IS_RUNNING: those whose mailer runs. */
size_t mail_peer_count(const struct mail_server *s, uint32_t number, bool is_running);

/* Starts mailers for who has waited longest, but of one tenant only so many at a time. */
void mail_peer_run_next(struct mail_server *s);

/* The timer of a peer has run out, whatever it waited for. */
void mail_peer_on_late(void *peer);

#endif
