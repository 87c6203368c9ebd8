/* SPDX-License-Identifier: Apache-2.0 */
/* Making a started PHP the tenant's: for its pool, or for a trial, which ends there. */
#include "pool/pool.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pool/environment.h"
#include "pool/preload.h"
#include "pool/report.h"
#include "pool/runtime.h"

int pool_settle(const struct pool_spec *spec, const struct scoreboard *board,
		struct runtime_pool *out, struct err *err)
{
	*out = (struct runtime_pool){ .spec = spec, .board = board };
	out->home = open(spec->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->home < 0)
		return err_sys(err, "open the home '%s'", spec->home);
	preload_libraries();
	return environment_set(spec, err) < 0 ? -1 : runtime_settle(out, err);
}

static bool is_told;

/* OPcache says on standard error alone what it ends the process for. */
static void tell_last_words(void)
{
	char said[REPORT_TEXT_MAX] = "";
	ssize_t n = is_told ? 0 : pread(STDERR_FILENO, said, sizeof(said) - 1, 0);

	said[strcspn(said, "\n")] = '\0';
	if (n > 0)
		report_send(POOL_REPORT_FAILED, NULL, said);
}

int pool_begin_trial(struct err *err)
{
	int fd = memfd_create("said", MFD_CLOEXEC);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || atexit(tell_last_words) != 0)
		return err_sys(err, "listen to PHP");
	(void)close(fd);
	return 0;
}

int pool_try(const struct pool_spec *spec, struct err *err)
{
	static struct runtime_pool pool;

	if (pool_settle(spec, NULL, &pool, err) < 0)
		return -1;
	report_send(POOL_REPORT_READY, NULL, NULL);
	is_told = true;
	return 0;
}
