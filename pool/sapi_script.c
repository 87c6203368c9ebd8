/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the primary script.  Whoever can make the web server name a path must
 * not make PHP run it unless it is the tenant's: a regular file of its uid,
 * beneath its home (or document root), with an extension meant for PHP.  What
 * was opened is what is checked and what is run.  A script that was checked and
 * is the same still is named to PHP instead: OPcache has it, or PHP comes here to
 * open it.
 */
#include "pool/sapi.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mutant.h"
#include "base/str.h"
#include "pool/known.h"

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

/* Scripts without a link in their path that passed all checks.  Should a folder have
 * become a link since: it leads to the same file, or the file is not known. */
static struct known known;

static bool is_known(const char *path, struct stat *out)
{
	const char *rest = sapi_beneath_plain(path);

	return rest && known_has(&known, sapi_state.pool->home, rest, out);
}

/* What was found when it was looked for, until it is asked for or forgotten. */
static struct {
	bool is_known;
	int fd;
	struct stat st;
	char path[PATH_MAX];
} ahead = { .fd = -1 };

/* The script that runs. */
static struct {
	bool is_set;
	struct stat st;
} running;

void sapi_script_forget(void)
{
	fd_close(&ahead.fd);
	ahead.is_known = running.is_set = false;
}

bool sapi_script_exists(const char *path, bool must_be_file)
{
	struct stat st;

	sapi_script_forget();
	if (has_extension(path) && str_copy(ahead.path, sizeof(ahead.path), path) == 0) {
		ahead.is_known = is_known(path, &ahead.st);
		if (!ahead.is_known)
			ahead.fd = sapi_beneath_open_plain(path, &ahead.st);
	}
	return ahead.is_known || ahead.fd >= 0 ||
	       (stat(path, &st) == 0 && (!must_be_file || S_ISREG(st.st_mode)));
}

static bool is_tenants(const struct stat *st)
{
	return st->st_uid == sapi_state.pool->spec->uid || mutant_is_off("script-owner");
}

static int take_ahead(const char *path, struct stat *out)
{
	if (ahead.fd < 0 || strcmp(ahead.path, path) != 0)
		return -1;
	*out = ahead.st;
	return fd_take(&ahead.fd);
}

/* Hands the script to PHP, opened; the descriptor is the handle's then. */
static bool hand_over(zend_file_handle *to, int *fd, const struct stat *st)
{
	FILE *file = fdopen(*fd, "rb");

	if (!file)
		return false;
	(void)fd_take(fd);
	to->type = ZEND_HANDLE_FP;
	to->handle.fp = file;
	running.is_set = true;
	running.st = *st;
	return true;
}

static void name_it(zend_file_handle *to, const char *name)
{
	zend_stream_init_filename(to, name);
	to->opened_path = zend_string_copy(to->filename);
	to->primary_script = true;
}

enum script_refusal sapi_script_open(zend_file_handle *out)
{
	const char *path = SG(request_info).path_translated;
	const char *name = path;
	char real[PATH_MAX];
	struct stat st;
	CLOSE_AT_EXIT int fd = -1;

	if (!path)
		return SCRIPT_UNKNOWN;
	if (!has_extension(path))
		return SCRIPT_ENDING;
	if (ahead.is_known && strcmp(ahead.path, path) == 0) {
		running.is_set = true;
		running.st = ahead.st;
		name_it(out, path);
		return SCRIPT_TAKEN;
	}
	fd = take_ahead(path, &st);
	if (fd < 0)
		fd = sapi_beneath_open_plain(path, &st);
	if (fd < 0) {
		fd = sapi_beneath_open(path, &st, real);
		name = real;
	}
	if (fd < 0)
		return errno == EACCES ? SCRIPT_DENIED : SCRIPT_MISSING;
	if (!is_tenants(&st) || !has_extension(name))
		return SCRIPT_OUTSIDE;
	name_it(out, name);
	if (!hand_over(out, &fd, &st)) {
		zend_destroy_file_handle(out);
		return SCRIPT_MISSING;
	}
	/* Without OPcache each request opens its script: knowing it would gain nothing. */
	if (name == path && sapi_beneath_plain(path) && INI_BOOL("opcache.enable"))
		known_add(&known, sapi_beneath_plain(path), &st);
	return SCRIPT_TAKEN;
}

/* PHP asks for a script that was named to it, since OPcache does not have it (any
 * more): it is opened and checked as if it had never been known. */
static zend_result (*open_any)(zend_file_handle *handle);

static zend_result open_named(zend_file_handle *handle)
{
	const char *path = SG(request_info).path_translated;
	char real[PATH_MAX];
	struct stat st;
	CLOSE_AT_EXIT int fd = -1;

	if (!handle->primary_script || !path || strcmp(ZSTR_VAL(handle->filename), path) != 0)
		return open_any(handle);
	fd = sapi_beneath_open_plain(path, &st);
	if (fd < 0) {
		/* A folder has become a link to where the script lies now: from the next
		 * request on it has its true name. */
		known = (struct known){ 0 };
		fd = sapi_beneath_open(path, &st, real);
		if (fd >= 0 && !has_extension(real))
			fd_close(&fd);
	}
	return fd >= 0 && is_tenants(&st) && hand_over(handle, &fd, &st) ? SUCCESS : FAILURE;
}

void sapi_script_install(void)
{
	if (zend_stream_open_function == open_named)
		return;
	open_any = zend_stream_open_function;
	zend_stream_open_function = open_named;
}

zend_stat_t *sapi_script_stat(void)
{
	return running.is_set ? &running.st : NULL;
}
