/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into LIBEXEC/php. */
#include "tenants/php_versions.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "schema/errors.h"
#include "schema/option_list.h"

/* What a pool of a version needs, besides PHP's own files. */
static const char *const parts[] = { "tenant-pool", "libphp.so" };

/* The folder of a version, or of all (""); -1 with errno. */
static int open_folder(const struct settings *s, const char *version)
{
	char path[SETTING_TEXT_MAX + OPTION_TEXT_MAX + 8];

	if (str_format(path, sizeof(path), "%s/php/%s", s->libexec_dir, version) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(a, b);
}

static bool is_version(const char *name)
{
	struct options scratch;
	struct err unused = { 0 };

	return options_parse(&scratch, &option_rows[OPT_php], name, &unused) == 0 && *name;
}

static int take_version(int dir, const char *name, void *arg, struct err *err)
{
	struct php_versions *out = arg;
	char program[NAME_MAX + 16];

	(void)err;
	if (out->count == PHP_VERSIONS_MAX)
		return 0;
	(void)str_format(program, sizeof(program), "%s/%s", name, parts[0]);	/* fits */
	if (is_version(name) && faccessat(dir, program, X_OK, 0) == 0)
		(void)str_copy(out->name[out->count++], OPTION_TEXT_MAX, name);
	return 0;
}

int php_versions_read(const struct settings *s, struct php_versions *out, struct err *err)
{
	CLOSE_AT_EXIT int fd = open_folder(s, "");

	out->count = 0;
	if (fd < 0)
		return err_sys(err, "read the folder of PHP's versions, '%s/php'", s->libexec_dir);
	if (file_each(fd, take_version, out, err) < 0)
		return err_wrap(err, "PHP's versions, '%s/php'", s->libexec_dir);
	qsort(out->name, out->count, sizeof(out->name[0]), by_version);
	return 0;
}

static bool has(const struct php_versions *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->name[i], name) == 0)
			return true;
	return false;
}

const char *php_version_of(const struct settings *s, const struct options *o)
{
	return o->php[0] ? o->php : s->php;
}

void php_version_lacks(const struct settings *s, const char *version, struct text *out)
{
	CLOSE_AT_EXIT int fd = open_folder(s, version);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (fd < 0 || faccessat(fd, parts[i], R_OK, 0) < 0)
			text_add(out, "%s'%s/php/%s/%s' is missing", out->size ? ", " : "",
				 s->libexec_dir, version, parts[i]);
}

/* A folder made by hand may lack the link to the extensions: then nobody can know. */
static int check_extensions(const struct settings *s, const struct options *o, struct err *err)
{
	const char *version = php_version_of(s, o);
	CLOSE_AT_EXIT int folder = open_folder(s, version);
	CLOSE_AT_EXIT int fd = folder < 0 ? -1 : openat(folder, "extensions",
							O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *at = o->extensions;
	char name[OPTION_NAME_MAX];
	char file[OPTION_NAME_MAX + 4];

	while (fd >= 0 && option_list_name(&at, name)) {
		(void)str_format(file, sizeof(file), "%s.so", name);	/* fits */
		if (faccessat(fd, file, R_OK, 0) < 0 && errno == ENOENT)
			return err_set(err, ERR_BAD_OPTION, "option 'extensions': PHP %s has no "
				       "'%s' here ('%s/php/%s/extensions/%s' is missing); install "
				       "it, for instance the package php%s-%s", version, name,
				       s->libexec_dir, version, file, version, name);
	}
	return 0;
}

int php_check(const struct settings *s, const struct options *o, struct err *err)
{
	struct php_versions there;
	struct text names = { 0 };
	const char *version = php_version_of(s, o);

	if (php_versions_read(s, &there, err) < 0)
		return -1;
	if (has(&there, version))
		return check_extensions(s, o, err);
	for (size_t i = 0; i < there.count; i++)
		text_add(&names, "%s%s", i ? ", " : "", there.name[i]);
	(void)err_set(err, ERR_BAD_OPTION, "option 'php': PHP %s is not installed; there %s: %s",
		      version, there.count == 1 ? "is" : "are",
		      names.data ? names.data : "none at all");
	text_free(&names);
	return -1;
}

bool php_is_moved(const struct options *from, const struct options *to)
{
	return strcmp(from->php, to->php) != 0 || strcmp(from->extensions, to->extensions) != 0;
}
