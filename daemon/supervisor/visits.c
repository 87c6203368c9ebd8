/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and rotating; no line is read here. */
#include "daemon/supervisor/visits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/supervisor/pool.h"
#include "schema/events.h"

#define LOOK_MS 5000
#define STREAM "access.log"
#define STREAM_OLD "access.log.1"	/* what logrotate makes of it first */
#define POSITION "access.log-position"	/* no site has such a name (build_policy.c) */

static void complain(const struct pool *p, const struct err *err)
{
	log_event(DAEMON_ERROR, "tenant=%u error='%s'", p ? p->number : 0, err->text);
}

static int send_site(struct log_link *l, struct pool *p)
{
	struct log_message m = { .verb = LOG_SITE, .number = p->number };
	struct err err = { 0 };
	CLOSE_AT_EXIT int file = log_link_file(l->place, p->spec.site, STREAM, &err);

	p->is_visits_sent = true;
	if (file < 0 || str_copy(m.site, sizeof(m.site), p->spec.site) < 0) {
		/* Its visits stand in nginx's log alone. */
		complain(p, &err);
		return 0;
	}
	int rc = fd_send(l->sock, &m, sizeof(m), &file, 1);

	p->is_visits_sent = rc == 0;
	return rc;
}

/* After the sites, so that no line meets a tenant-log that does not know its site. */
static int send_stream(struct log_link *l)
{
	struct log_message m = { .verb = LOG_STREAM };
	struct stat st;
	int dir = l->place->log_dir;
	CLOSE_AT_EXIT int position = file_open_beneath(dir, POSITION, O_RDWR | O_CREAT, 0600);
	CLOSE_AT_EXIT int now = file_open_beneath(dir, STREAM, O_RDONLY | O_NONBLOCK, 0);
	CLOSE_AT_EXIT int old = file_open_beneath(dir, STREAM_OLD, O_RDONLY | O_NONBLOCK, 0);
	struct err err = { 0 };

	/* All of it now: on a full disk tenant-log would end at its first write. */
	if (position < 0 || ftruncate(position, sizeof(struct log_position)) < 0 ||
	    (errno = posix_fallocate(position, 0, sizeof(struct log_position))) != 0) {
		(void)err_sys(&err, "make '%s/" POSITION "'", l->place->settings.log_dir);
		complain(NULL, &err);
		l->is_stream_sent = true;
		return 0;
	}
	if (now < 0 || fstat(now, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;	/* nginx has made none yet */
	l->stream = st.st_ino;
	int rc = fd_send(l->sock, &m, sizeof(m), (int[]){ position, now, old }, old < 0 ? 2 : 3);

	l->is_stream_sent = rc == 0;
	return rc;
}

int visits_send(struct log_link *l)
{
	if (!l->look.owner)
		return 0;	/* not all sites are known yet */
	for (size_t i = 0; i < l->pools->count; i++) {
		struct pool *p = l->pools->at[i];

		if (!p->is_visits_sent && !p->is_gone && p->spec.site[0] && send_site(l, p) < 0)
			return -1;
	}
	return l->is_stream_sent ? 0 : send_stream(l);
}

/* access.log becomes access.log.1, that access.log.2, and so on; the last one goes. */
static int rotate(int dir, uint64_t keep, struct err *err)
{
	char from[32] = STREAM, to[32];

	for (uint64_t n = keep; n > 0; n--) {
		if (n > 1)
			(void)str_format(from, sizeof(from), STREAM ".%llu",
					 (unsigned long long)n - 1);
		else
			(void)str_format(from, sizeof(from), STREAM);
		(void)str_format(to, sizeof(to), STREAM ".%llu", (unsigned long long)n);
		if (renameat(dir, from, dir, to) < 0 && errno != ENOENT)
			return err_sys(err, "rename '%s' to '%s'", from, to);
	}
	return 0;
}

/* True if tenant-log is to get another file.  One look for each site, and there are thousands:
 * the folders are root's, so a path leads where it says. */
static bool look_at(struct log_link *l, const struct pool *p)
{
	const struct settings *s = &l->place->settings;
	char path[SITE_MAX + sizeof("/" STREAM)];
	struct err err = { 0 };
	struct stat st;

	(void)str_format(path, sizeof(path), "%s/" STREAM, p->spec.site);	/* fits */
	if (fstatat(l->place->log_dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT &&	/* the folder may be on its way out */
		       faccessat(l->place->log_dir, p->spec.site, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if ((uint64_t)st.st_size < s->access_log_mib << 20)
		return false;
	CLOSE_AT_EXIT int dir = file_open_beneath(l->place->log_dir, p->spec.site,
						  O_RDONLY | O_DIRECTORY, 0);

	if (dir >= 0 && rotate(dir, s->access_log_keep, &err) == 0)
		return true;
	if (dir < 0)
		(void)err_sys(&err, "open the log folder of '%s'", p->spec.site);
	complain(p, &err);
	return false;
}

static void on_time(void *owner)
{
	struct log_link *l = owner;
	struct stat st;

	for (size_t i = 0; i < l->pools->count; i++) {
		struct pool *p = l->pools->at[i];

		if (p->is_visits_sent && !p->is_gone && look_at(l, p))
			p->is_visits_sent = false;
	}
	if (fstatat(l->place->log_dir, STREAM, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino != l->stream)
		l->is_stream_sent = false;
	log_link_sync(l);
	loop_timer_set(&l->place->loop, &l->look, LOOK_MS);
}

void visits_begin(struct log_link *l)
{
	l->look = (struct loop_timer){ .on_time = on_time, .owner = l };
	loop_timer_set(&l->place->loop, &l->look, LOOK_MS);
	log_link_sync(l);
}

void visits_forget(struct log_link *l, struct pool *p)
{
	struct log_message m = { .verb = LOG_FORGET, .number = p->number };

	/* Where there is no room it keeps a file without a name until it ends. */
	if (p->is_visits_sent && l->sock >= 0 &&
	    str_copy(m.site, sizeof(m.site), p->spec.site) == 0)
		(void)fd_send(l->sock, &m, sizeof(m), NULL, 0);
	p->is_visits_sent = false;
}

void visits_reset(struct log_link *l)
{
	l->is_stream_sent = false;
	for (size_t i = 0; i < l->pools->count; i++)
		l->pools->at[i]->is_visits_sent = false;
}
