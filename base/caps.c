/* SPDX-License-Identifier: Apache-2.0 */
/* Shrinking capability sets and leaving root. */
#include "base/caps.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_kept(cap_value_t cap, const cap_value_t *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == cap)
			return true;
	return false;
}

int caps_keep(const cap_value_t *keep, size_t count, struct err *err)
{
	/* The bounding set first: dropping from it needs CAP_SETPCAP. */
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (!is_kept(cap, keep, count) && cap_get_bound(cap) == 1 &&
		    cap_drop_bound(cap) < 0)
			return err_sys(err, "drop capability %d from the bounding set", cap);
	if (cap_reset_ambient() < 0)
		return err_sys(err, "clear ambient capabilities");
	cap_t now = cap_get_proc();
	cap_t then = cap_init();
	int rc = 0;

	if (!now || !then)
		rc = err_sys(err, "read capabilities");
	for (size_t i = 0; rc == 0 && i < count; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, keep[i], CAP_PERMITTED, &has) < 0 || has != CAP_SET)
			continue;
		if (cap_set_flag(then, CAP_PERMITTED, 1, &keep[i], CAP_SET) < 0 ||
		    cap_set_flag(then, CAP_EFFECTIVE, 1, &keep[i], CAP_SET) < 0)
			rc = err_sys(err, "prepare capabilities");
	}
	if (rc == 0 && cap_set_proc(then) < 0)
		rc = err_sys(err, "give up capabilities");
	(void)cap_free(now);
	(void)cap_free(then);
	return rc;
}

int caps_drop_to(uid_t uid, gid_t gid, struct err *err)
{
	/* Bounding set while CAP_SETPCAP is still there; ids while CAP_SETUID is. */
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0)
			return err_sys(err, "drop capability %d from the bounding set", cap);
	/* The calls themselves: the C library's also ask the other threads of the process that was
	 * cloned, which are not here, and wait for their answer. */
	if (syscall(SYS_setgroups, 0, NULL) < 0)
		return err_sys(err, "leave all groups");
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return err_sys(err, "become group %u", gid);
	if (syscall(SYS_setresuid, uid, uid, uid) < 0)
		return err_sys(err, "become user %u", uid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	cap_t none = cap_init();
	int rc = !none || cap_set_proc(none) < 0 ? err_sys(err, "give up capabilities") : 0;

	(void)cap_free(none);
	if (rc < 0)
		return rc;
	if (uid != 0 && (syscall(SYS_setuid, 0) == 0 ||
			 syscall(SYS_setresuid, -1, 0, -1) == 0))
		return err_set(err, ERR_SYSTEM, "user %u could become root again", uid);
	return 0;
}
