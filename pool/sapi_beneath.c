/* SPDX-License-Identifier: Apache-2.0 */
/* Opens regular files that lie beneath the home, or the document root where scripts
 * have to be in it, and nothing else, whatever links and names lead to. */
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

static int open_at(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* The part of PATH below ROOT, or NULL.  Several slashes are one: web servers put
 * together what ends and what begins with one (Apache's "fcgi://localhost/" + "/srv"). */
static const char *below(const char *path, const char *root)
{
	for (; *root; path++, root++) {
		if (*path != *root)
			return NULL;
		while (*path == '/' && path[1] == '/')
			path++;
	}
	return *path == '/' ? path + strspn(path, "/") : NULL;
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

/* An absolute link, or ".." in one while something is renamed or mounted anywhere on the
 * machine: then the kernel does not vouch for where it leads. */
static bool is_worth_resolving(void)
{
	return errno == EXDEV || errno == EAGAIN;
}

/* It may be a link, or lie behind one, to where the last release was unpacked. */
static int open_docroot(int home)
{
	const struct pool_spec *spec = sapi_state.pool->spec;
	char path[POOL_PATH_MAX + OPTION_TEXT_MAX];
	int fd = open_at(home, spec->options.document_root, O_PATH | O_DIRECTORY, 0);

	if (fd >= 0 || !is_worth_resolving())
		return fd;
	(void)snprintf(path, sizeof(path), "%s/%s", spec->home, spec->options.document_root);
	return open_resolved(home, path, O_PATH | O_DIRECTORY);
}

/* True if the home's path has no link in it: then names below it are true where
 * none of them is a link. */
static bool is_home_real;

void sapi_beneath_settle(void)
{
	char home[PATH_MAX];

	is_home_real = path_of(sapi_state.pool->home, home) &&
		       strcmp(home, sapi_state.pool->spec->home) == 0;
}

const char *sapi_beneath_plain(const char *path)
{
	const struct pool_spec *spec = sapi_state.pool->spec;
	const char *rest = below(path, spec->home);

	if (!is_home_real || !rest || rest != path + strlen(spec->home) + 1 ||
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

int sapi_beneath_open_plain(const char *path, struct stat *out)
{
	const char *rest = sapi_beneath_plain(path);
	CLOSE_AT_EXIT int fd = -1;

	if (!rest)
		return -1;
	fd = open_at(sapi_state.pool->home, rest, SCRIPT_FLAGS, RESOLVE_NO_SYMLINKS);
	return fd >= 0 && is_file(fd, out) ? fd_take(&fd) : -1;
}

int sapi_beneath_open(const char *path, struct stat *out, char real[PATH_MAX])
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
	if (fd < 0 && is_worth_resolving())
		fd = open_resolved(dir, path, SCRIPT_FLAGS);
	if (fd >= 0 && is_file(fd, out) && path_of(fd, real))
		return fd_take(&fd);
	if (fd >= 0)
		errno = ENOENT;
	return -1;
}
