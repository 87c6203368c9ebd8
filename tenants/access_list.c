/* SPDX-License-Identifier: Apache-2.0 */
/* Access lists in the kernel's own format: linux/posix_acl_xattr.h. */
#include "tenants/access_list.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <sys/xattr.h>

enum tag { USER_OBJ = 0x01, GROUP_OBJ = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };

#define VERSION 2
#define ALL 7
#define ENTRIES 5

struct entry {
	uint16_t tag, rights;
	uint32_t id;
};

struct list {
	uint32_t version;
	struct entry entry[ENTRIES];
};

static struct entry entry(enum tag tag, unsigned rights, uint32_t id)
{
	return (struct entry){ htole16((uint16_t)tag), htole16((uint16_t)rights), htole32(id) };
}

int access_list_add(int dir, gid_t gid, unsigned rights, bool is_inherited, struct err *err)
{
	const struct list list = { htole32(VERSION), {
		entry(USER_OBJ, ALL, UINT32_MAX),
		entry(GROUP_OBJ, ACCESS_READ, UINT32_MAX),
		entry(GROUP, rights, gid),
		entry(MASK, ACCESS_READ, UINT32_MAX),
		entry(OTHER, 0, UINT32_MAX) } };

	if (fsetxattr(dir, "system.posix_acl_access", &list, sizeof(list), 0) < 0 ||
	    (is_inherited &&
	     fsetxattr(dir, "system.posix_acl_default", &list, sizeof(list), 0) < 0)) {
		if (errno != EOPNOTSUPP)
			return err_sys(err, "add group %u to the access list", gid);
	}
	return 0;
}
