/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the kernel. */
#include "sandbox/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/landlock.h"
#include "sandbox/quota.h"

static int32_t ask_seccomp(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? errno : 0;
}

static int32_t ask_quota(const char *home_dir)
{
	CLOSE_AT_EXIT int fd = open(home_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? errno : quota_missing(fd);
}

void machine_disk(int fd, uint32_t *out_major, uint32_t *out_minor)
{
	char folder[64], dev[32];
	unsigned disk_major = 0, disk_minor = 0;
	struct stat st;

	*out_major = *out_minor = 0;
	if (fstat(fd, &st) < 0 || major(st.st_dev) == 0)
		return;
	/* A partition's folder lies in that of its disk, which the kernel bounds. */
	(void)str_format(folder, sizeof(folder), "/sys/dev/block/%u:%u", major(st.st_dev),
			 minor(st.st_dev));	/* fits */
	if (!cgroup_has(folder, "dev"))
		return;
	if (cgroup_has(folder, "partition"))
		(void)str_format(folder, sizeof(folder), "/sys/dev/block/%u:%u/..",
				 major(st.st_dev), minor(st.st_dev));
	if (cgroup_text(folder, "dev", dev, sizeof(dev), NULL) < 0 ||
	    sscanf(dev, "%u:%u", &disk_major, &disk_minor) != 2)
		return;
	*out_major = disk_major;
	*out_minor = disk_minor;
}

/* Weights count only where the disk's scheduler is BFQ, or iocost is on for it. */
static bool has_weights(const struct cgroup_tree *t)
{
	char folder[64], text[1024], disk[32];

	(void)str_format(folder, sizeof(folder), "/sys/dev/block/%u:%u/queue", t->io_major,
			 t->io_minor);	/* fits */
	if (cgroup_text(folder, "scheduler", text, sizeof(text), NULL) == 0 &&
	    strstr(text, "[bfq]"))
		return true;
	(void)str_format(disk, sizeof(disk), "%u:%u enable=1", t->io_major, t->io_minor);
	return cgroup_text("/sys/fs/cgroup", "io.cost.qos", text, sizeof(text), NULL) == 0 &&
	       strstr(text, disk);
}

static void ask_io(const struct cgroup_tree *t, struct wire_machine *out)
{
	char tenants[CGROUP_FILE_MAX], have[256] = "";

	cgroup_path(tenants, t->unified, 0, 0);
	if (t->is_unified)
		(void)cgroup_text(tenants, "cgroup.subtree_control", have, sizeof(have), NULL);
	/* v1 bounds neither buffered writes nor groups below a group. */
	out->io_max = !strstr(have, "io") ? EOPNOTSUPP : t->io_major == 0 ? ENODEV : 0;
	out->io_weight = out->io_max ? out->io_max : has_weights(t) ? 0 : EOPNOTSUPP;
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
	ask_io(t, out);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		out->files_max = files.rlim_cur;
	list_controllers(t, out);
}
