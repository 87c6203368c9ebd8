/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts to meet other processes in what a kernel lets processes share. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/probe/probe.h"

/* Above lie ports of outgoing connections: an attempt from there may meet itself. */
#define PORTS_MAX 32768

/* Segments, sets and queues in this namespace, or -1. */
static int count_sysv(void)
{
	struct shm_info m;
	struct seminfo s;
	struct msginfo q;
	union { struct seminfo *info; } how = { &s };

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&m) < 0 ||
	    semctl(0, 0, SEM_INFO, how) < 0 ||
	    msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&q) < 0)
		return -1;
	return m.used_ids + s.semusz + q.msgpool;
}

enum promise_outcome probe_shared_memory(struct probe *p, const char *argument)
{
	int before = count_sysv();
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	int then = count_sysv();

	(void)argument;
	if (id < 0 || shmctl(id, IPC_RMID, NULL) < 0 || then != before + 1)
		return probe_say(p, PROMISE_UNPROVEN, "make a segment: %s", strerror(errno));
	return probe_say(p, before ? PROMISE_BROKEN : PROMISE_HELD, "%d of others", before);
}

/* Connects to where a socket listens. */
static long connect_to(const char *argument)
{
	struct sockaddr_un at = { 0 };
	socklen_t size = sizeof(at);
	uint64_t listener = 0;
	CLOSE_AT_EXIT int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || str_number(argument, INT32_MAX, &listener) < 0 ||
	    getsockname((int)listener, (struct sockaddr *)&at, &size) < 0)
		return -1;
	return connect(sock, (struct sockaddr *)&at, size);
}

enum promise_outcome probe_abstract_socket(struct probe *p, const char *argument)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(at.sun_family);		/* autobind: an abstract name */
	CLOSE_AT_EXIT int own = socket(AF_UNIX, SOCK_STREAM, 0);
	char number[16];

	(void)argument;
	(void)str_format(number, sizeof(number), "%d", own);
	if (own < 0 || bind(own, (struct sockaddr *)&at, size) < 0 || listen(own, 1) < 0 ||
	    probe_try(connect_to, number).value != 0)
		return probe_say(p, PROMISE_UNPROVEN, "connect to its own: %s", strerror(errno));
	size = sizeof(at);
	if (getsockname(POOL_FD_LISTENER, (struct sockaddr *)&at, &size) < 0 ||
	    at.sun_family != AF_UNIX || size <= sizeof(at.sun_family) || at.sun_path[0])
		return probe_say(p, PROMISE_UNPROVEN, "there is no socket of the host's to try");
	(void)str_format(number, sizeof(number), "%d", POOL_FD_LISTENER);
	struct tried t = probe_try(connect_to, number);

	if (t.value < 0 && t.error == ECONNREFUSED)
		return probe_say(p, PROMISE_HELD, "no such socket here");
	return probe_judge(p, &t, "connect to the host's");
}

/* The first port of the loopback, but OWN, that answers; 0: none does. */
static long find_port(const char *own)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t skip = 0;

	if (sock < 0 || str_number(own, UINT16_MAX, &skip) < 0)
		return -1;
	for (unsigned port = 1; port < PORTS_MAX; port++) {
		at.sin_port = htons((uint16_t)port);
		if (port != skip && (connect(sock, (struct sockaddr *)&at, sizeof(at)) == 0 ||
				     errno != ECONNREFUSED))
			return port;
	}
	at.sin_port = htons((uint16_t)skip);
	return connect(sock, (struct sockaddr *)&at, sizeof(at));	/* the control */
}

enum promise_outcome probe_loopback(struct probe *p, const char *argument)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	CLOSE_AT_EXIT int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[16];

	(void)argument;
	if (own < 0 || bind(own, (struct sockaddr *)&at, size) < 0 || listen(own, 1) < 0 ||
	    getsockname(own, (struct sockaddr *)&at, &size) < 0)
		return probe_say(p, PROMISE_UNPROVEN, "listen: %s", strerror(errno));
	(void)str_format(port, sizeof(port), "%u", ntohs(at.sin_port));
	struct tried t = probe_try(find_port, port);

	if (t.value < 0 || t.signal || t.is_silent)
		return probe_say(p, PROMISE_UNPROVEN, "connect to its own: %s", strerror(t.error));
	return probe_say(p, t.value ? PROMISE_BROKEN : PROMISE_HELD, "%s %ld",
			 t.value ? "somebody answers on port" : "ports that answer:", t.value);
}
