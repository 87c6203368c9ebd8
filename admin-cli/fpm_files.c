/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, sections and includes.  As in FPM a pool's section may come several
 * times, a file begins in the section in which the file before it ended, and
 * the last value of a directive counts.
 */
#include "admin-cli/fpm_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "admin-cli/fpm_map.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/value.h"

#define GLOBAL "global"

struct reading {
	json_t *pools;
	json_t *pool;		/* in pools; NULL until a section begins */
	size_t files, rows;
	int depth;
};

static int read_file(struct reading *r, const char *path, struct err *err);

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "no memory for the pools");
}

static int enter(struct reading *r, const char *name, struct err *err)
{
	size_t i = 0;
	json_t *pool = NULL;

	if (strcasecmp(name, GLOBAL) == 0)
		name = GLOBAL;
	json_array_foreach(r->pools, i, pool)
		if (strcmp(json_string_value(json_object_get(pool, "pool")), name) == 0) {
			r->pool = pool;
			return 0;
		}
	pool = json_pack("{s:s, s:{}, s:[]}", "pool", name, "options", "rows");
	if (!pool)
		return err_set(err, ERR_USAGE, "the name of the section is not UTF-8 text");
	if (json_array_append_new(r->pools, pool) < 0)
		return no_memory(err);
	r->pool = pool;
	return 0;
}

/* Of the two settings that bound an upload the larger one counts. */
static bool is_smaller(const json_t *before, const char *value)
{
	uint64_t old = 0;
	uint64_t new = 0;

	return before && value_parse_size(json_string_value(before), &old) == 0 &&
	       value_parse_size(value, &new) == 0 && new < old;
}

static int keep(struct reading *r, const struct fpm_line *line, struct fpm_mapped *m,
		struct err *err)
{
	json_t *options = json_object_get(r->pool, "options");
	char directive[2 * OPTION_NAME_MAX + 2];
	char becomes[sizeof(m->option) + sizeof(m->value) + 1];

	if (*m->option && strcmp(m->option, option_rows[OPT_upload_max].name) == 0 &&
	    is_smaller(json_object_get(options, m->option), m->value)) {
		m->option[0] = '\0';
		(void)str_copy(m->why, sizeof(m->why), "the larger bound of uploads counts");
	}
	(void)str_format(directive, sizeof(directive), *line->key ? "%s[%s]" : "%s%s", line->name,
			 line->key);
	(void)str_format(becomes, sizeof(becomes), *m->option ? "%s=%s" : "%s%s", m->option,
			 *m->option ? m->value : "");
	json_t *row = json_pack("{s:O, s:s, s:s, s:s, s:s}", "pool",
				json_object_get(r->pool, "pool"), "directive", directive,
				"value", line->value, "becomes", becomes, "why", m->why);

	if (!row)
		return err_set(err, ERR_USAGE, "the line is not UTF-8 text");
	if (json_array_append_new(json_object_get(r->pool, "rows"), row) < 0 ||
	    (*m->option && json_object_set_new(options, m->option, json_string(m->value)) < 0))
		return no_memory(err);
	return 0;
}

static int include(struct reading *r, const struct fpm_line *line, struct err *err)
{
	const bool is_absolute = line->value[0] == '/';
	struct fpm_mapped m = { .why = "no file was found there" };
	char path[PATH_MAX];
	glob_t found = { 0 };
	int rc = 0;

	/* Debian's FPM is made with this prefix for relative ones. */
	if (str_format(path, sizeof(path), "%s%s", is_absolute ? "" : "/usr/", line->value) < 0)
		return err_set(err, ERR_USAGE, "the path to include is too long");
	int status = glob(path, GLOB_ERR, NULL, &found);

	if (status == GLOB_NOMATCH)
		rc = keep(r, line, &m, err);
	else if (status != 0)
		rc = err_set(err, ERR_USAGE, "'%.200s' to include cannot be looked up", path);
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		rc = read_file(r, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

static int take_entry(struct reading *r, const struct fpm_line *line, struct err *err)
{
	struct fpm_mapped m = { 0 };
	const char *name = NULL;

	if (!r->pool && enter(r, GLOBAL, err) < 0)
		return -1;
	if (strcmp(line->name, "include") == 0 && !*line->key)
		return include(r, line, err);
	if (++r->rows > FPM_ROWS_MAX)
		return err_set(err, ERR_USAGE, "there are more than %d directives; "
			       "import fewer files at once", FPM_ROWS_MAX);
	name = json_string_value(json_object_get(r->pool, "pool"));
	if (strcmp(name, GLOBAL) == 0)
		(void)str_copy(m.why, sizeof(m.why), "it is of PHP-FPM's master; see tenantd.conf");
	else
		fpm_map(line, name, &m);
	return keep(r, line, &m, err);
}

static int take_line(struct reading *r, const char *data, size_t size, struct err *err)
{
	struct fpm_line line;

	if (fpm_line_parse(data, size, &line, err) < 0)
		return -1;
	if (line.kind == FPM_SECTION)
		return enter(r, line.name, err);
	return line.kind == FPM_ENTRY ? take_entry(r, &line, err) : 0;
}

static int take_lines(struct reading *r, const char *path, const char *data, size_t size,
		      struct err *err)
{
	size_t number = 1;

	for (size_t at = 0; at < size; number++) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - (data + at)) : size - at;

		if (take_line(r, data + at, n, err) < 0)
			return err_wrap(err, "'%.200s' line %zu", path, number);
		at += n + 1;
	}
	return 0;
}

static int read_file(struct reading *r, const char *path, struct err *err)
{
	char *real = realpath(path, NULL);	/* FPM follows links, too */
	char *data = malloc(FPM_FILE_MAX);
	ssize_t size = -1;
	int rc = -1;

	if (++r->files > FPM_FILES_MAX)
		(void)err_set(err, ERR_USAGE, "there are more than %d files", FPM_FILES_MAX);
	else if (++r->depth > FPM_DEPTH_MAX)
		(void)err_set(err, ERR_USAGE, "files include one another more than %d deep",
			      FPM_DEPTH_MAX);
	else if (!real)
		(void)err_sys(err, "open '%s'", path);
	else if (!data)
		(void)no_memory(err);
	else
		size = file_read(AT_FDCWD, real, data, FPM_FILE_MAX, err);
	if (size >= 0)
		rc = take_lines(r, path, data, (size_t)size, err);
	else
		err->code = ERR_USAGE;		/* it is what the command was given */
	r->depth--;
	free(data);
	free(real);
	return rc;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int read_folder(struct reading *r, const char *folder, struct err *err)
{
	struct dirent **names = NULL;
	char path[PATH_MAX];
	int count = scandir(folder, &names, is_conf, alphasort);
	int rc = count < 0 ? err_sys(err, "read folder '%s'", folder) : 0;

	for (int i = 0; i < count; i++) {
		if (rc == 0 && str_format(path, sizeof(path), "%s/%s", folder,
					  names[i]->d_name) < 0)
			rc = err_set(err, ERR_USAGE, "the path of the folder is too long");
		if (rc == 0)
			rc = read_file(r, path, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

int fpm_files_read(const char *path, json_t **out, struct err *err)
{
	struct reading r = { .pools = json_array() };
	struct stat st;
	bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	int rc = !r.pools ? no_memory(err) : is_folder ? read_folder(&r, path, err)
						       : read_file(&r, path, err);

	if (rc < 0) {
		json_decref(r.pools);
		return -1;
	}
	*out = r.pools;
	return 0;
}
