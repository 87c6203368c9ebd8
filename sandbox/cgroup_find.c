/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /proc/self/cgroup and /proc/self/mountinfo (proc(5), cgroups(7)). */
#include "sandbox/cgroup_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/cgroup_files.h"
#include "schema/errors.h"

/* Without these there are no limits; the others make some things better. */
static const enum cgroup_controller needed[] = { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU };

/* Our path in each hierarchy, borrowed from the text. */
struct own {
	const char *unified;
	const char *v1[CGROUP_CONTROLLERS];
};

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; *at; ) {
		size_t n = strcspn(at, ",");

		if (n == length && memcmp(at, word, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

/* Lines are "ID:CONTROLLERS:PATH"; v2's is "0::PATH". */
static void own_read(char *text, struct own *own)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*list++ = '\0';
		*path++ = '\0';
		if (strcmp(line, "0") == 0 && *list == '\0')
			own->unified = path;
		for (int c = 0; c < CGROUP_CONTROLLERS; c++)
			if (c != CGROUP_IO && list_has(list, cgroup_controller_names[c]))
				own->v1[c] = path;
	}
}

/* Turns a path of the hierarchy into one of the file system: the mount may
 * show only a part of the hierarchy (its root), as in containers. */
static void place(char out[CGROUP_PATH_MAX], const char *point, const char *root,
		  const char *path)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (out[0] || !path || strncmp(path, root, length) != 0 ||
	    (path[length] != '/' && path[length] != '\0'))
		return;
	path += length;
	(void)str_format(out, CGROUP_PATH_MAX, "%s%s", point,
			 strcmp(path, "/") == 0 ? "" : path);
}

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER" */
static void mount_read(char *line, const struct own *own, struct cgroup_tree *out)
{
	char *tail = strstr(line, " - ");
	char *word[6] = { NULL }, *rest = NULL;

	if (!tail)
		return;
	*tail = '\0';
	for (int i = 0; i < 6; i++)
		word[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
	char *type = strtok_r(tail + 3, " ", &rest);
	char *super = strtok_r(NULL, " ", &rest) ? strtok_r(NULL, " ", &rest) : NULL;

	/* A point with a blank is written as \040; nobody mounts cgroups there. */
	if (!word[4] || !type || !super || strchr(word[4], '\\'))
		return;
	if (strcmp(type, "cgroup2") == 0)
		place(out->unified, word[4], word[3], own->unified);
	if (strcmp(type, "cgroup") != 0)
		return;
	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		if (own->v1[c] && list_has(super, cgroup_controller_names[c]))
			place(out->v1[c], word[4], word[3], own->v1[c]);
}

int cgroup_find(char *self_cgroup, char *mountinfo, struct cgroup_tree *out, struct err *err)
{
	struct cgroup_tree found = { .magic = CGROUP_MAGIC, .version = CGROUP_VERSION,
				     .size = sizeof(found) };
	struct own own = { 0 };
	char *rest = NULL;
	size_t on_v1 = 0;

	own_read(self_cgroup, &own);
	for (char *line = strtok_r(mountinfo, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		mount_read(line, &own, &found);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		on_v1 += own.v1[needed[i]] != NULL;
	if (on_v1 == 0) {
		if (!found.unified[0])
			return err_set(err, ERR_CGROUP, "no cgroup file system is mounted; "
				       "mount cgroup2 on /sys/fs/cgroup");
		memset(found.v1, 0, sizeof(found.v1));
		found.is_unified = 1;
		*out = found;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!found.v1[needed[i]][0])
			return err_set(err, ERR_CGROUP, "the '%s' controller is missing: "
				       "others are on cgroup v1, this one is not mounted there; "
				       "mount it too, or start the machine with cgroup v2 alone",
				       cgroup_controller_names[needed[i]]);
	*out = found;
	return 0;
}
