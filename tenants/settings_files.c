/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading tenantd.conf and conf.d beside it. */
#include "tenants/settings_parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/errors.h"

#define FILE_MAX_BYTES 65536
#define FOLDER "conf.d"

/* Whoever can write the configuration chooses what root does. */
static int check_owner(int fd, const char *name, mode_t type, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", name);
	if ((st.st_mode & S_IFMT) != type)
		return err_set(err, ERR_BAD_CONFIG, "'%s' is not a plain file or folder", name);
	if (st.st_uid != 0 || (st.st_mode & 022))
		return err_set(err, ERR_BAD_CONFIG, "'%s' must belong to root and be writable by "
			       "root alone (chown root '%s'; chmod go-w '%s')", name, name, name);
	return 0;
}

static int read_file(struct settings_text *t, int fd, const char *name, struct err *err)
{
	static char text[FILE_MAX_BYTES + 1];
	struct stat st;

	if (check_owner(fd, name, S_IFREG, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "look at '%s'", name);
	if (st.st_size > FILE_MAX_BYTES)
		return err_set(err, ERR_BAD_CONFIG, "'%s' is larger than %d bytes", name,
			       FILE_MAX_BYTES);
	if (fd_read_full(fd, text, (size_t)st.st_size) < 0)
		return err_sys(err, "read '%s'", name);
	text[st.st_size] = '\0';
	if (strlen(text) != (size_t)st.st_size)
		return err_set(err, ERR_BAD_CONFIG, "'%s' is not a text", name);
	return settings_text_read(t, name, text, err);
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int read_folder(struct settings_text *t, const char *folder, struct err *err)
{
	struct dirent **names = NULL;
	char path[PATH_MAX];
	CLOSE_AT_EXIT int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return err_sys(err, "open folder '%s'", folder);
	if (check_owner(dir, folder, S_IFDIR, err) < 0)
		return -1;
	int count = scandirat(dir, ".", &names, is_conf, alphasort);
	int rc = count < 0 ? err_sys(err, "read folder '%s'", folder) : 0;

	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		CLOSE_AT_EXIT int fd = rc < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC |
							    O_NONBLOCK);

		if (rc == 0 && str_format(path, sizeof(path), "%s/%s", folder, name) < 0)
			rc = err_set(err, ERR_BAD_CONFIG, "a path in '%s' is too long", folder);
		else if (rc == 0 && fd < 0)
			rc = err_sys(err, "open '%s'", path);
		else if (rc == 0)
			rc = read_file(t, fd, path, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

int settings_parse(const char *conf, struct settings *out, struct err *err)
{
	static struct settings_text t;
	char folder[PATH_MAX];
	const char *slash = strrchr(conf, '/');
	int parent = slash ? (int)(slash - conf) + 1 : 0;
	CLOSE_AT_EXIT int fd = open(conf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_BAD_CONFIG, "the configuration '%s' is missing; make it "
			       "(an empty file takes every default) or name another with -c", conf);
	if (fd < 0)
		return err_sys(err, "open '%s'", conf);
	settings_text_default(&t);
	if (read_file(&t, fd, conf, err) < 0)
		return -1;
	if (str_format(folder, sizeof(folder), "%.*s%s", parent, conf, FOLDER) < 0)
		return err_set(err, ERR_BAD_CONFIG, "the path '%.200s' is too long", conf);
	if (read_folder(&t, folder, err) < 0)
		return -1;
	return settings_text_finish(&t, out, err);
}
