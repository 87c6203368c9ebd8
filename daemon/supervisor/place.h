/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all parts of the supervisor stand on: the settings, the cgroup tree,
 * the loop and the folders, open.  Filled once at the start.
 */
#ifndef DAEMON_SUPERVISOR_PLACE_H
#define DAEMON_SUPERVISOR_PLACE_H

#include "base/loop.h"
#include "sandbox/cgroup.h"
#include "sandbox/quota.h"
#include "schema/settings.h"

struct place {
	struct settings settings;
	struct cgroup_tree tree;
	struct loop loop;
	const char *conf;		/* path of the configuration, for tenant-build */
	const char *libexec;		/* folder of the helpers given by -x, or NULL */
	int null;			/* /dev/null */
	int run_dir, pool_dir;		/* RUN_DIR, RUN_DIR/pool */
	int spec_dir;			/* STATE_DIR/spec */
	int log_dir;
	int homes;			/* home_dir */
};

/* The folder of the helper programs. */
const char *place_libexec(const struct place *p);

/* Opens the folders and loads the tree's record; the settings are there. */
int place_open(struct place *p, struct err *err);

/* Opens RUN_DIR/pool/NUMBER and makes it if needed: root's, and the web
 * server's group may pass.  The caller's. */
int place_pool_dir(const struct place *p, uint32_t number, struct err *err);

/* Sets the limits of the tenant's group and home. */
int place_set_limits(const struct place *p, uint32_t number, const struct spec_limits *limits,
		     struct err *err);

/* What the tenant's project uses on the homes' file system, which has quota. */
int place_quota(const struct place *p, uint32_t number, struct quota_facts *out,
		struct err *err);

/* The tenant is gone: its project has no limits, whatever is left of the home. */
void place_forget_limits(const struct place *p, uint32_t number);

/* Binds a unix socket to RUN_DIR/NAME with this owner and mode, in place of
 * whatever was there, and listens.  TYPE is SOCK_*.  The caller's. */
int place_bind(const struct place *p, int dir, const char *folder, const char *name, int type,
	       int backlog, mode_t mode, uid_t uid, gid_t gid, struct err *err);

#endif
