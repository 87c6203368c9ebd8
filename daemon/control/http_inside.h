/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What http.c, http_request.c and http_reply.c share, and nobody else sees.  All run in
 * the one HTTP thread, but what says otherwise.
 */
#ifndef DAEMON_CONTROL_HTTP_INSIDE_H
#define DAEMON_CONTROL_HTTP_INSIDE_H

#include <microhttpd.h>
#include <pthread.h>

#include "daemon/control/http.h"

struct callers;

struct http {
	struct MHD_Daemon *daemon;
	struct callers *callers;
	size_t held;		/* bytes of replies that are not read yet */
	struct changer *changer;
	struct readers *readers;
	const char *run_dir;
	MHD_socket quiesced;	/* the listener, once nobody may come any more */
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	unsigned pending;	/* under the lock: handed over and not replied to yet */
};

/* One request, from its headers to the end of its reply. */
struct request {
	struct MHD_Connection *connection;
	bool is_handed_over;		/* counts in http.pending */
	bool is_answered;		/* the answer is there */
	size_t held;			/* its share of http.held */
	char allow[64];			/* of a path that is known */
	char *body;
	size_t size, room;
	struct answer answer;
	struct changer_job change;
	struct reader_job question;
};

/* ---- the server: http.c ---- */

/* The connection's socket, which stays the library's; -1 if it has none. */
int http_connection_fd(struct MHD_Connection *connection);

/* Who the kernel says the caller is; UINT32_MAX where it does not. */
uint32_t http_peer_uid(struct MHD_Connection *connection);

/* One more (1) or less (-1) of the requests that wait for another thread. */
void http_count_pending(struct http *h, int by);

/* ---- what is asked: http_request.c ---- */

/* The first call of a request: headers only.  A body that is too long is
 * refused here, before a byte of it is read. */
enum MHD_Result request_begin(struct request *r);

/* The request is whole: refuses it, or hands it over and lets the connection sleep until
 * r->answer is there, which another thread writes. */
enum MHD_Result request_serve(struct http *h, struct request *r, const char *method,
			      const char *path);

/* Ends what the request owns, and itself. */
void request_free(struct request *r);

/* ---- what is answered: http_reply.c ---- */

/* Sends what is in r->answer, or the log that it stands for. */
enum MHD_Result reply_send(struct http *h, struct request *r);

/* Sends an error; WORD is the command's or "", FIELD what is wrong or "". */
enum MHD_Result reply_refuse(struct request *r, const char *word, const struct err *err,
			     const char *field);

#endif
