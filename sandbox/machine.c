/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the kernel. */
#include "sandbox/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/landlock.h"

#define PROJECT_QUOTA 2		/* PRJQUOTA; headers have it only in part */

static int32_t ask_seccomp(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? errno : 0;
}

static int32_t ask_quota(const char *home_dir)
{
	CLOSE_AT_EXIT int fd = open(home_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t format = 0;

	if (fd < 0 || syscall(SYS_quotactl_fd, fd, QCMD(Q_GETFMT, PROJECT_QUOTA), 0, &format) < 0)
		return errno;
	return 0;
}

static void add_word(char *out, size_t size, const char *word)
{
	size_t n = strlen(out);

	(void)str_format(out + n, size - n, "%s%s", n ? " " : "", word);
}

static void list_controllers(const struct cgroup_tree *t, struct wire_machine *out)
{
	size_t size = sizeof(out->controllers);

	if (t->is_unified) {
		(void)cgroup_text(t->unified, "cgroup.controllers", out->controllers, size, NULL);
		out->controllers[strcspn(out->controllers, "\n")] = '\0';
		return;
	}
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (t->v1[i][0])
			add_word(out->controllers, size, cgroup_controller_names[i]);
}

void machine_read(const struct cgroup_tree *t, const char *home_dir, struct wire_machine *out)
{
	struct rlimit files = { 0 };

	memset(out, 0, sizeof(*out));
	out->is_unified = t->is_unified;
	out->has_kill = t->unified[0] && cgroup_has(t->unified, "cgroup.kill");
	out->landlock_abi = landlock_version();
	out->seccomp = ask_seccomp();
	out->project_quota = ask_quota(home_dir);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		out->files_max = files.rlim_cur;
	list_controllers(t, out);
}
