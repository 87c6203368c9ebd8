/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, finding the site, writing. */
#include "daemon/log/visit_parts.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define CHUNK (256 * 1024)
#define CHUNKS 16		/* in one go */

struct site {
	uint32_t number;
	int file;
	char name[SITE_MAX];
};

static void free_site(void *site)
{
	fd_close(&((struct site *)site)->file);
	free(site);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct site *)a)->name, ((const struct site *)b)->name);
}

static struct site *find(struct parts *v, const char *name, size_t size)
{
	struct site key = { .file = -1 };
	void *found = NULL;

	if (size >= sizeof(key.name))
		return NULL;
	memcpy(key.name, name, size);
	found = tfind(&key, &v->sites, by_name);
	return found ? *(struct site **)found : NULL;
}

int parts_site(struct parts *v, const char *site, uint32_t number, int file, struct err *err)
{
	struct site *s = find(v, site, strlen(site));

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (s) {
			s->file = -1;
			(void)str_copy(s->name, sizeof(s->name), site);	/* checked */
		}
		if (!s || !tsearch(s, &v->sites, by_name)) {
			free(s);
			(void)close(file);
			return err_set(err, ERR_SYSTEM, "no memory for visits of '%s'", site);
		}
	}
	fd_close(&s->file);
	s->file = file;
	s->number = number;
	return 0;
}

void parts_forget(struct parts *v, const char *site, uint32_t number)
{
	struct site *s = find(v, site, strlen(site));

	if (!s || s->number != number)
		return;
	/* What is there is still this one's, not that of the next who gets the name. */
	while (parts_go_on(v))
		;
	(void)tdelete(s, &v->sites, by_name);
	free_site(s);
}

static void adopt(struct parts_stream *s, int fd)
{
	struct stat st = { 0 };

	fd_close(&s->fd);
	*s = (struct parts_stream){ .fd = fd };
	if (fd >= 0 && fstat(fd, &st) == 0)
		s->inode = st.st_ino;
}

static uint64_t size_of(const struct parts_stream *s)
{
	struct stat st = { 0 };

	return fstat(s->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void save(struct parts *v)
{
	v->position->log.inode = v->log.inode;
	v->position->log.offset = v->log.offset;
	v->position->old.inode = v->old.inode;
	v->position->old.offset = v->old.offset;
}

int parts_log(struct parts *v, int position, int log, int old, struct err *err)
{
	void *map = mmap(NULL, sizeof(struct log_position), PROT_READ | PROT_WRITE, MAP_SHARED,
			 position, 0);

	(void)close(position);
	adopt(&v->log, log);
	adopt(&v->old, old);
	if (map == MAP_FAILED) {
		fd_close(&v->log.fd);
		fd_close(&v->old.fd);
		return err_sys(err, "map the position in nginx's log");
	}
	if (v->position)
		(void)munmap(v->position, sizeof(*v->position));
	v->position = map;

	struct log_position was = *v->position;

	/* A log that nobody has begun yet: all of it.  One that was rotated before our time, or
	 * twice while we were away: nothing of it. */
	if (was.log.inode == v->log.inode && was.log.offset <= size_of(&v->log))
		v->log.offset = was.log.offset;
	if (v->old.fd >= 0)
		v->old.offset = was.log.inode == v->old.inode ? was.log.offset :
				was.old.inode == v->old.inode ? was.old.offset : size_of(&v->old);
	save(v);
	return 0;
}

/* The file of the line at AT; lines of no site that we know go nowhere. */
static int file_of(struct parts *v, const char *at, const char *end)
{
	const char *blank = memchr(at, ' ', (size_t)(end - at));
	const struct site *s = blank ? find(v, at, (size_t)(blank - at)) : NULL;

	return s ? s->file : -1;
}

/* The lines from AT, one behind the other's, that go to the same file; whole ones only. */
static const char *run_of(struct parts *v, const char *at, const char *end, int *out_file)
{
	const char *stop = at;

	for (const char *next = NULL; stop < end; stop = next) {
		int file = file_of(v, stop, end);

		next = memchr(stop, '\n', (size_t)(end - stop));
		if (!next)
			break;
		next++;
		if (stop == at)
			*out_file = file;
		else if (file != *out_file)
			break;
	}
	return stop;
}

/* Behind the line's end, or where there is none, AT. */
static const char *end_of(const char *at, const char *end)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at));

	return stop ? stop + 1 : at;
}

/* All of it or nothing: half of a line would stay there, and come again whole. */
static int append(int file, const char *data, size_t size)
{
	off_t end = lseek(file, 0, SEEK_END);
	int rc = fd_write_full(file, data, size);

	if (rc < 0 && end >= 0 && ftruncate(file, end) < 0)
		rc = -1;	/* then it comes twice */
	return rc;
}

/* One chunk.  True if there may be more. */
static bool part_some(struct parts *v, struct parts_stream *s)
{
	static char chunk[CHUNK];
	ssize_t n = s->fd < 0 ? 0 : pread(s->fd, chunk, sizeof(chunk), (off_t)s->offset);
	const char *end = chunk + (n > 0 ? n : 0);

	for (const char *at = chunk; at < end;) {
		int file = -1;
		const char *stop = s->is_cut ? end_of(at, end) : run_of(v, at, end, &file);

		/* A beginning that has no end yet. */
		if (stop == at && !(at == chunk && n == CHUNK))
			return at != chunk && n == CHUNK;
		s->is_cut = stop == at;
		if (stop == at)
			stop = end;	/* no line of nginx's */
		/* On a full disk it waits where it is. */
		if (file >= 0 && append(file, at, (size_t)(stop - at)) < 0)
			return false;
		s->offset += (uint64_t)(stop - at);
		save(v);
		at = stop;
	}
	return n == CHUNK;
}

bool parts_go_on(struct parts *v)
{
	bool is_more = v->position != NULL;

	/* Somebody cut it: it begins anew. */
	if (is_more && v->log.fd >= 0 && size_of(&v->log) < v->log.offset)
		v->log.offset = 0;
	for (int i = 0; is_more && i < CHUNKS; i++) {
		bool is_old = part_some(v, &v->old);

		is_more = is_old || part_some(v, &v->log);
	}
	return is_more;
}

void parts_init(struct parts *v)
{
	*v = (struct parts){ .log.fd = -1, .old.fd = -1 };
}

void parts_done(struct parts *v)
{
	tdestroy(v->sites, free_site);
	fd_close(&v->log.fd);
	fd_close(&v->old.fd);
	if (v->position)
		(void)munmap(v->position, sizeof(*v->position));
	parts_init(v);
}
