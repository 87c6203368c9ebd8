/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool process does before PHP and before its master's loop. */
#include "pool/pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"

/* A number of the contract that is not open would be given to the next file
 * that is opened, and then taken for what it is not. */
static int occupy_descriptors(struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_sys(err, "open /dev/null");
	for (int fd = 0; fd < POOL_FD_END; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && dup3(null, fd, O_CLOEXEC) < 0)
			return err_sys(err, "occupy descriptor %d", fd);
		if (fd >= POOL_FD_LISTENER && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(err, "close descriptor %d on exec", fd);
	}
	if (null >= POOL_FD_END)
		(void)close(null);
	return 0;
}

int pool_secure(struct err *err)
{
	if (!mutant_is_off("not-dumpable") && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "make the process not dumpable");
	if (syscall(SYS_close_range, POOL_FD_END, ~0u, 0) < 0)
		return err_sys(err, "close inherited descriptors");
	if (clearenv() != 0 || setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) < 0)
		return err_sys(err, "clear the environment");
	return occupy_descriptors(err);
}

static int check_texts(const struct pool_spec *s, struct err *err)
{
	if (!str_is_terminated(s->site, sizeof(s->site)) ||
	    !str_is_terminated(s->home, sizeof(s->home)) || s->home[0] != '/')
		return err_set(err, ERR_BAD_RECORD, "the pool's spec has a text without an end, "
						    "or a home that is no absolute path");
	return options_check(&s->options, err);
}

int pool_read_spec(struct pool_spec *out, struct err *err)
{
	struct pool_spec s;
	ssize_t n = pread(POOL_FD_SPEC, &s, sizeof(s), 0);

	if (n < 0)
		return err_sys(err, "read the pool's spec from descriptor %d", POOL_FD_SPEC);
	if (n != (ssize_t)sizeof(s) ||
	    (s.magic != POOL_SPEC_MAGIC && s.magic != POOL_TRIAL_MAGIC) ||
	    s.version != POOL_SPEC_VERSION || s.size != sizeof(s))
		return err_set(err, ERR_BAD_RECORD,
			       "the pool's spec on descriptor %d is not one of this version: "
			       "are all programs from one build?",
			       POOL_FD_SPEC);
	if (s.uid != getuid() || s.gid != getgid() || s.uid == 0)
		return err_set(err, ERR_DENIED,
			       "the pool's spec is for user %u and group %u, but this process "
			       "is %u and %u",
			       s.uid, s.gid, (unsigned)getuid(), (unsigned)getgid());
	if (check_texts(&s, err) < 0)
		return -1;
	*out = s;
	return 0;
}
