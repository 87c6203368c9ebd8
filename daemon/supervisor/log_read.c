/* SPDX-License-Identifier: Apache-2.0 */
/* Opening logs. */
#include "daemon/supervisor/log_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/wire.h"

static const struct {
	uint32_t which;
	bool is_sites;		/* lies in the site's folder */
	const char *name;
} logs[] = {
	{ WIRE_LOG_ACCESS, false, "access.log" },
	{ WIRE_LOG_NGINX, false, "nginx.log" },
	{ WIRE_LOG_PHP, true, "php.log" },
	{ WIRE_LOG_SLOW, true, "slow.log" },
	{ WIRE_LOG_MAIL, true, "mail.log" },
};

int log_read_open(const struct place *p, const char *site, uint32_t which, int *out,
		  struct err *err)
{
	char path[SITE_MAX + 16];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		if (logs[i].which != which)
			continue;
		if (str_format(path, sizeof(path), "%s%s%s", logs[i].is_sites ? site : "",
			       logs[i].is_sites ? "/" : "", logs[i].name) < 0)
			return err_set(err, ERR_BAD_NAME, "the name of '%s' is too long", site);
		/* The folders are root's; what lies there may still be a pipe. */
		CLOSE_AT_EXIT int fd = file_open_beneath(p->log_dir, path, O_RDONLY | O_NONBLOCK,
							 0);

		*out = -1;
		if (fd < 0)
			return errno == ENOENT ? 0 : err_sys(err, "open log '%s'", path);
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(err, ERR_FAILED, "log '%s' is no plain file", path);
		*out = fd_take(&fd);
		return 0;
	}
	return err_set(err, ERR_BAD_RECORD, "there is no log %u", which);
}
