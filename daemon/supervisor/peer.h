/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RUN_DIR/supervisor.sock: connections of tenant-control (and of root).  The
 * peer's uid is checked, then every frame; what is not expected ends the
 * connection.  A peer that does not read is dropped, never waited for.
 */
#ifndef DAEMON_SUPERVISOR_PEER_H
#define DAEMON_SUPERVISOR_PEER_H

#include "daemon/supervisor/place.h"
#include "schema/wire.h"

#define PEERS_MAX 64	/* control: 13 threads, 16 logs, and a greeting of each that waits */

struct jobs;
struct execs;
struct pools;
struct peers;
struct peer_frame;
struct verify;

struct peer {
	struct peers *peers;
	uint64_t id;			/* never used twice; 0: this slot is free */
	int fd;
	struct loop_watch watch;
	bool has_greeted;
	struct peer_frame *first, *last;	/* to be sent */
	size_t waiting;			/* frames in that list */
};

struct peers {
	struct place *place;
	struct pools *pools;
	struct jobs *jobs;
	struct verify *verify;
	struct execs *execs;
	int listener;
	struct loop_watch watch;
	struct loop_timer pause;	/* before the next accept, after one that failed */
	uint64_t last_id;
	struct peer slot[PEERS_MAX];
};

/* Binds the socket and waits for connections. */
int peers_init(struct peers *ps, struct place *place, struct pools *pools, struct jobs *jobs,
	       struct verify *verify, struct execs *execs, struct err *err);

/* Sends a frame to the peer with this id; HEAD's size is set here.  A peer
 * that has gone gets nothing. */
void peers_send(struct peers *ps, uint64_t id, const struct wire_head *head,
		const void *payload, size_t size);

/* The same as the final reply to REQUEST: an error's text if ERR has a code. */
void peers_reply(struct peers *ps, uint64_t id, const struct wire_head *request,
		 const struct err *err, const void *payload, size_t size);

/* The same with descriptors, which are taken, also if the peer has gone. */
#define PEER_FDS_MAX 4
void peers_reply_fds(struct peers *ps, uint64_t id, const struct wire_head *request,
		     const struct err *err, const void *payload, size_t size, int *fds,
		     size_t count);

#endif
