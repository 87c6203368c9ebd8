/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by its system calls; the headers of the build may be older than the
 * kernel, so newer bits are defined here (include/uapi/linux/landlock.h). */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define FS_TRUNCATE (1ULL << 14)	/* since version 3 */
#define FS_IOCTL_DEV (1ULL << 15)	/* since version 5 */
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)	/* since version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

/* The kernel's landlock_ruleset_attr; an older kernel takes a prefix of it. */
struct rules_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

/* Rights by the version of the interface that brought them. */
static const struct { int version; uint64_t rights; } known[] = {
	{ 1, (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 },
	{ 2, LANDLOCK_ACCESS_FS_REFER },
	{ 3, FS_TRUNCATE },
	{ 5, FS_IOCTL_DEV },
};

/* Rights that exist on plain files; others are refused there. */
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		     LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE)

static const struct { enum landlock_grant grant; uint64_t rights; } grants_table[] = {
	{ LANDLOCK_READ, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR },
	{ LANDLOCK_WRITE, LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
			  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
			  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
			  LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE },
	{ LANDLOCK_EXECUTE, LANDLOCK_ACCESS_FS_EXECUTE },
	{ LANDLOCK_DEVICE, LANDLOCK_ACCESS_FS_WRITE_FILE },
};

int landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v < 0 ? 0 : (int)v;
}

static uint64_t known_rights(void)
{
	int have = landlock_version();
	uint64_t rights = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (have >= known[i].version)
			rights |= known[i].rights;
	return rights;
}

int landlock_new(int *out, struct err *err)
{
	struct rules_attr attr = { .handled_access_fs = known_rights() };
	int have = landlock_version();

	if (have == 0) {
		*out = -1;
		return 0;
	}
	if (have >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	size_t size = have >= 6 ? sizeof(attr) : sizeof(attr.handled_access_fs);
	long fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	if (fd < 0)
		return err_sys(err, "make the Landlock rules");
	*out = (int)fd;
	return 0;
}

int landlock_allow(int rules, const char *path, unsigned grants, int is_optional,
		   struct err *err)
{
	struct landlock_path_beneath_attr rule = { 0 };
	struct stat st;

	if (rules < 0)
		return 0;
	CLOSE_AT_EXIT int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && is_optional)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open '%s' for Landlock", path);
	for (size_t i = 0; i < ARRAY_SIZE(grants_table); i++)
		if (grants & grants_table[i].grant)
			rule.allowed_access |= grants_table[i].rights;
	rule.allowed_access &= known_rights();
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_RIGHTS;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_sys(err, "add the Landlock rule for '%s'", path);
	return 0;
}

int landlock_enter(int rules, struct err *err)
{
	if (rules < 0)
		return 0;
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_sys(err, "enter the Landlock rules");
	return 0;
}
