/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl over the unix socket of tenantd. */
#include "admin-cli/connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "schema/errors.h"

#define CONNECT_TIMEOUT_S 10L
#define REQUEST_TIMEOUT_S 300L
#define HANDOVER_WAIT_MS 30000
#define ASK_TIMEOUT_S 3L

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct text *out = arg;

	text_add(out, "%.*s", (int)(size * count), data);
	return out->failed ? 0 : size * count;
}

/* Asks the kernel why the socket cannot be used: curl's code does not say. */
static int explain(const char *socket_path, const char *curl_says, struct err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	CLOSE_AT_EXIT int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (str_copy(to.sun_path, sizeof(to.sun_path), socket_path) < 0)
		return err_set(err, ERR_USAGE, "the path of the socket, '%.200s', is too long",
			       socket_path);
	if (fd < 0)
		return err_sys(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EAGAIN)
		return err_set(err, ERR_NO_DAEMON, "tenantd at '%s' did not answer: %s",
			       socket_path, curl_says);
	if (errno == EACCES || errno == EPERM)
		return err_set(err, ERR_DENIED,
			       "connect to '%s': %s; only root and members of the group tenantadm "
			       "may manage sites", socket_path, strerror(errno));
	return err_set(err, ERR_NO_DAEMON, "connect to '%s': %s; is tenantd running?", socket_path,
		       strerror(errno));
}

static int perform(CURL *curl, const char *socket_path, struct text *out, struct err *err)
{
	char says[CURL_ERROR_SIZE] = "";

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, says);
	CURLcode rc = curl_easy_perform(curl);

	if (rc == CURLE_OK)
		return 0;
	if (out->failed)
		return err_set(err, ERR_TOO_LARGE, "the reply of tenantd is larger than %zu bytes",
			       out->limit ? out->limit : (size_t)TEXT_MAX);
	return explain(socket_path, *says ? says : curl_easy_strerror(rc), err);
}

static int request(CURL *curl, const char *socket_path, const char *method, const char *path,
		   const char *body, const struct curl_slist *headers, struct text *out,
		   long timeout_s, struct err *err)
{
	struct text url = { 0 };

	text_add(&url, "http://localhost%s", path);
	if (url.failed) {
		text_free(&url);
		return err_set(err, ERR_USAGE, "the arguments are too long");
	}
	curl_easy_setopt(curl, CURLOPT_URL, url.data);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);	/* ".." in a name is not a path */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");	/* whatever the environment says */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	int rc = perform(curl, socket_path, out, err);

	text_free(&url);
	return rc;
}

struct stream {
	CURL *curl;
	connection_sink *sink;
	void *arg;
	struct text *other;	/* the body of an answer that is not 200 */
	bool is_other, is_ended;
};

static size_t take_piece(char *data, size_t size, size_t count, void *arg)
{
	struct stream *s = arg;
	long status = 0;

	(void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	s->is_other = status != 200;
	if (s->is_other)
		return take_body(data, size, count, s->other);
	s->is_ended = s->sink(s->arg, data, size * count) != 0;
	return s->is_ended ? 0 : size * count;
}

int connection_stream(const char *socket, const char *path, connection_sink *sink, void *arg,
		      struct text *out, struct err *err)
{
	struct stream s = { .curl = curl_easy_init(), .sink = sink, .arg = arg, .other = out };

	if (!s.curl)
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	curl_easy_setopt(s.curl, CURLOPT_WRITEFUNCTION, take_piece);
	curl_easy_setopt(s.curl, CURLOPT_WRITEDATA, &s);
	int rc = request(s.curl, socket, "GET", path, NULL, NULL, out, 0, err);

	curl_easy_cleanup(s.curl);
	return s.is_ended ? 0 : rc < 0 ? -1 : s.is_other;
}

const char *connection_socket(const char *given)
{
	const char *from_env = getenv("TENANTD_SOCKET");

	return given ? given : from_env && *from_env ? from_env : CONNECTION_SOCKET_DEFAULT;
}

static int exchange(const char *socket, const char *method, const char *path, const char *body,
		    struct text *out, long timeout_s, struct err *err)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *json = curl_slist_append(NULL, "Content-Type: application/json");

	if (!curl || !json) {
		curl_easy_cleanup(curl);
		curl_slist_free_all(json);
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	int rc = request(curl, socket, method, path, body, json, out, timeout_s, err);

	curl_easy_cleanup(curl);
	curl_slist_free_all(json);
	return rc;
}

#define HANDOVER_FDS_MAX 8

struct handover {
	CURL *curl;
	curl_socket_t sock;	/* curl's */
	int fds[HANDOVER_FDS_MAX];
	size_t wanted, count;
	bool is_switched;
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct handover *h = arg;

	(void)purpose;
	h->sock = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	return h->sock;
}

/* The head of 101 has been read to its end, and nothing behind it: now the other
 * side may send descriptors, which must not meet a reader that drops them. */
static void receive_fds(struct handover *h)
{
	struct pollfd p = { .fd = h->sock, .events = POLLIN };
	size_t count = h->wanted;
	char byte = 0;

	if (fd_send(h->sock, "", 1, NULL, 0) < 0 || poll(&p, 1, HANDOVER_WAIT_MS) <= 0)
		return;
	if (fd_receive(h->sock, &byte, 1, h->fds, &count) == 1)
		h->count = count;
}

static size_t take_head(char *data, size_t size, size_t count, void *arg)
{
	struct handover *h = arg;
	long status = 0;

	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 101 || size * count != 2 || memcmp(data, "\r\n", 2) != 0)
		return size * count;
	h->is_switched = true;
	receive_fds(h);
	return 0;		/* what follows is not HTTP: curl ends here */
}

int connection_handover(const char *socket, const char *path, const char *body, int *fds,
			size_t count, struct text *out, struct err *err)
{
	struct handover h = { .curl = curl_easy_init(), .wanted = count };
	struct curl_slist *ask = curl_slist_append(NULL, "Content-Type: application/json");

	if (ask)
		ask = curl_slist_append(ask, "Connection: Upgrade");
	if (ask)
		ask = curl_slist_append(ask, "Upgrade: tenantd-exec");
	if (!h.curl || !ask || count > HANDOVER_FDS_MAX)
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	curl_easy_setopt(h.curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(h.curl, CURLOPT_OPENSOCKETDATA, &h);
	curl_easy_setopt(h.curl, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(h.curl, CURLOPT_HEADERDATA, &h);
	curl_easy_setopt(h.curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h.curl, CURLOPT_WRITEDATA, out);
	int rc = request(h.curl, socket, "POST", path, body, ask, out, REQUEST_TIMEOUT_S, err);

	curl_easy_cleanup(h.curl);
	curl_slist_free_all(ask);
	if (h.is_switched && h.count == count) {
		memcpy(fds, h.fds, count * sizeof(fds[0]));
		return 0;
	}
	for (size_t i = 0; i < h.count; i++)
		fd_close(&h.fds[i]);
	if (h.is_switched)
		return err_set(err, ERR_NO_DAEMON, "tenantd did not hand the command over");
	return rc < 0 ? -1 : 1;
}

int connection_request(const char *socket, const char *method, const char *path,
		       const char *body, struct text *out, struct err *err)
{
	return exchange(socket, method, path, body, out, REQUEST_TIMEOUT_S, err);
}

int connection_ask(const char *socket, const char *path, struct text *out, struct err *err)
{
	return exchange(socket, "GET", path, NULL, out, ASK_TIMEOUT_S, err);
}
