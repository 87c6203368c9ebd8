/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the primary script.  Whoever can make the web server name a path must
 * not make PHP run it unless it is the tenant's: a regular file of its uid,
 * beneath its home (or document root), with an extension meant for PHP.  What
 * was opened is what is checked and what is run.
 */
#include "pool/sapi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"

/* PHP-FPM's security.limit_extensions: an uploaded picture is not run. */
static bool has_extension(const char *path)
{
	const char *at = sapi_state.pool->spec->options.limit_extensions;
	size_t size = strlen(path);
	char ending[OPTION_NAME_MAX];

	while (option_list_name(&at, ending)) {
		size_t tail = strlen(ending);

		if (size > tail && strcmp(path + size - tail, ending) == 0)
			return true;
	}
	return false;
}

static int open_at(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* The part of PATH below ROOT, or NULL. */
static const char *below(const char *path, const char *root)
{
	size_t size = strlen(root);

	if (strncmp(path, root, size) != 0 || path[size] != '/')
		return NULL;
	while (path[size] == '/')
		size++;
	return path + size;
}

/* The kernel's own name of what is open: no cache, no second look-up. */
static bool path_of(int fd, char out[PATH_MAX])
{
	char link[32];
	ssize_t n = 0;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

/* O_NONBLOCK: a pipe in the script's place must not hold the worker. */
#define SCRIPT_FLAGS (O_RDONLY | O_NOCTTY | O_NONBLOCK)

/* openat2 takes an absolute link for leaving the folder even if it leads back
 * into it; people deploy with such links.  So the path is resolved, and opened
 * without any link: what was changed meanwhile fails. */
static int open_resolved(int dir, const char *path, uint64_t flags)
{
	char root[PATH_MAX];
	char real[PATH_MAX];
	const char *rest = NULL;

	if (!path_of(dir, root) || !realpath(path, real) || !(rest = below(real, root))) {
		errno = ENOENT;
		return -1;
	}
	return open_at(dir, rest, flags, RESOLVE_NO_SYMLINKS);
}

/* It may be a link, or lie behind one, to where the last release was unpacked. */
static int open_docroot(int home)
{
	const struct pool_spec *spec = sapi_state.pool->spec;
	char path[POOL_PATH_MAX + OPTION_TEXT_MAX];
	int fd = open_at(home, spec->options.document_root, O_PATH | O_DIRECTORY, 0);

	if (fd >= 0 || errno != EXDEV)
		return fd;
	(void)snprintf(path, sizeof(path), "%s/%s", spec->home, spec->options.document_root);
	return open_resolved(home, path, O_PATH | O_DIRECTORY);
}

/* True if the home's path has no link in it: then names below it are true where
 * none of them is a link. */
static bool is_home_real;

void sapi_script_settle(void)
{
	char home[PATH_MAX];

	is_home_real = path_of(sapi_state.pool->home, home) &&
		       strcmp(home, sapi_state.pool->spec->home) == 0;
}

/* The part of PATH below the home, if it lies in the document root where it has
 * to and no component is empty, `.` or `..`; else NULL. */
static const char *plain_rest(const char *path)
{
	const struct pool_spec *spec = sapi_state.pool->spec;
	const char *rest = below(path, spec->home);

	if (!rest || rest != path + strlen(spec->home) + 1 ||
	    (spec->options.strict_docroot && !below(rest, spec->options.document_root)))
		return NULL;
	for (const char *part = rest;; part++) {
		size_t size = strcspn(part, "/");

		if (size == 0 || (part[0] == '.' && (size == 1 || (size == 2 && part[1] == '.'))))
			return NULL;
		part += size;
		if (!*part)
			return rest;
	}
}

static bool is_file(int fd, struct stat *out)
{
	return fstat(fd, out) == 0 && S_ISREG(out->st_mode);
}

/* Most scripts, by one call: where no component is a link, the path is the file's
 * true name and tells in which folders it lies.  -1 says nothing: look closer. */
static int open_plain(const char *path, struct stat *out)
{
	const char *rest = is_home_real ? plain_rest(path) : NULL;
	CLOSE_AT_EXIT int fd = -1;

	if (!rest)
		return -1;
	fd = open_at(sapi_state.pool->home, rest, SCRIPT_FLAGS, RESOLVE_NO_SYMLINKS);
	return fd >= 0 && is_file(fd, out) ? fd_take(&fd) : -1;
}

/* All others: links are followed, and where they led is looked at. */
static int open_beneath(const char *path, struct stat *out, char real[PATH_MAX])
{
	const struct pool_spec *spec = sapi_state.pool->spec;
	const char *rest = below(path, spec->home);
	CLOSE_AT_EXIT int docroot = -1;
	CLOSE_AT_EXIT int fd = -1;
	int dir = sapi_state.pool->home;

	if (mutant_is_off("script-beneath")) {
		fd = open(path, SCRIPT_FLAGS | O_CLOEXEC);
		return fd >= 0 && is_file(fd, out) && path_of(fd, real) ? fd_take(&fd) : -1;
	}
	if (rest && spec->options.strict_docroot) {
		docroot = open_docroot(dir);
		dir = docroot;
		rest = below(rest, spec->options.document_root);
	}
	if (!rest || dir < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = open_at(dir, rest, SCRIPT_FLAGS, 0);
	if (fd < 0 && errno == EXDEV)
		fd = open_resolved(dir, path, SCRIPT_FLAGS);
	if (fd >= 0 && is_file(fd, out) && path_of(fd, real))
		return fd_take(&fd);
	if (fd >= 0)
		errno = ENOENT;
	return -1;
}

/* What was opened when it was looked for, until it is asked for or forgotten. */
static struct {
	int fd;
	struct stat st;
	char path[PATH_MAX];
} ahead = { .fd = -1 };

void sapi_script_forget(void)
{
	fd_close(&ahead.fd);
}

bool sapi_script_exists(const char *path, bool must_be_file)
{
	struct stat st;

	sapi_script_forget();
	if (has_extension(path) && str_copy(ahead.path, sizeof(ahead.path), path) == 0)
		ahead.fd = open_plain(path, &ahead.st);
	return ahead.fd >= 0 || (stat(path, &st) == 0 && (!must_be_file || S_ISREG(st.st_mode)));
}

static int take_ahead(const char *path, struct stat *out)
{
	if (ahead.fd < 0 || strcmp(ahead.path, path) != 0)
		return -1;
	*out = ahead.st;
	return fd_take(&ahead.fd);
}

enum script_refusal sapi_script_open(zend_file_handle *out)
{
	const char *path = SG(request_info).path_translated;
	const char *name = path;
	char real[PATH_MAX];
	struct stat st;
	FILE *file = NULL;
	CLOSE_AT_EXIT int fd = -1;

	if (!path)
		return SCRIPT_UNKNOWN;
	if (!has_extension(path))
		return SCRIPT_ENDING;
	fd = take_ahead(path, &st);
	if (fd < 0)
		fd = open_plain(path, &st);
	if (fd < 0) {
		fd = open_beneath(path, &st, real);
		name = real;
	}
	if (fd < 0)
		return errno == EACCES ? SCRIPT_DENIED : SCRIPT_MISSING;
	if ((st.st_uid != sapi_state.pool->spec->uid && !mutant_is_off("script-owner")) ||
	    !has_extension(name))
		return SCRIPT_OUTSIDE;
	file = fdopen(fd, "rb");
	if (!file)
		return SCRIPT_MISSING;
	(void)fd_take(&fd);
	zend_stream_init_fp(out, file, name);
	out->opened_path = zend_string_copy(out->filename);
	out->primary_script = true;
	return SCRIPT_TAKEN;
}
