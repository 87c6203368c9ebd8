/* SPDX-License-Identifier: Apache-2.0 */
/* A few paths with the attributes that their files had. */
#include "pool/known.h"

#include <fcntl.h>
#include <string.h>

#include "base/str.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_uid == b->st_uid &&
	       a->st_mode == b->st_mode && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

void known_add(struct known *k, const char *path, const struct stat *st)
{
	unsigned at = 0;

	if (strlen(path) >= KNOWN_PATH_MAX)
		return;
	while (at < KNOWN_MAX && strcmp(k->file[at].path, path) != 0)
		at++;
	if (at == KNOWN_MAX) {
		at = k->next;
		(void)str_copy(k->file[at].path, sizeof(k->file[at].path), path);
		k->next = (at + 1) % KNOWN_MAX;
	}
	k->file[at].st = *st;
}

bool known_has(const struct known *k, int folder, const char *path, struct stat *out)
{
	struct stat now;

	for (unsigned i = 0; *path && i < KNOWN_MAX; i++) {
		if (strcmp(k->file[i].path, path) != 0)
			continue;
		if (fstatat(folder, path, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !is_same(&now, &k->file[i].st))
			return false;
		*out = now;
		return true;
	}
	return false;
}
