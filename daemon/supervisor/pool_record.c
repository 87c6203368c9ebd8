/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the record of a pool. */
#include "daemon/supervisor/pool_record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"

#define FILE_NAME "state"
#define START_TIME_FIELD 22	/* proc_pid_stat(5) */

int pool_record_read(int dir, uint32_t number, struct pool_record *out, struct err *err)
{
	struct pool_record r;

	if (file_read_record(dir, FILE_NAME, &r, sizeof(r), err) < 0)
		return -1;
	if (r.magic != POOL_RECORD_MAGIC || r.version != POOL_RECORD_VERSION ||
	    r.size != sizeof(r) || r.number != number)
		return err_set(err, ERR_BAD_RECORD, "the pool's record is of another version");
	*out = r;
	return 0;
}

int pool_record_write(int dir, const struct pool_record *r, struct err *err)
{
	struct pool_record whole = *r;

	whole.magic = POOL_RECORD_MAGIC;
	whole.version = POOL_RECORD_VERSION;
	whole.size = sizeof(whole);
	return file_write(dir, FILE_NAME, &whole, sizeof(whole), 0600, 0, 0, err);
}

uint64_t pool_record_start_time(int pid)
{
	char path[64], text[1024];

	(void)str_format(path, sizeof(path), "/proc/%d/stat", pid);	/* fits */
	CLOSE_AT_EXIT int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The second field is the program's name in parentheses, and may hold
	 * anything, also parentheses: count from the last one. */
	const char *at = strrchr(text, ')');

	for (int field = 2; at && field < START_TIME_FIELD; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at ? strtoull(at, NULL, 10) : 0;
}
