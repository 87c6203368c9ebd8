/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders that everything else stands in: homes, state, run time, logs.
 * A table of names, modes and owners; making it is idempotent.
 */
#ifndef TENANTS_BASE_TREE_H
#define TENANTS_BASE_TREE_H

#include "base/err.h"
#include "schema/settings.h"

#define HOME_REMOVED_DIR ".removed"	/* below home_dir: one file system with the homes */
#define SPEC_DIR "spec"
#define POOL_DIR "pool"
#define NGINX_DIR "nginx"
#define NGINX_SITES "sites"
#define NGINX_STAGED "staged"
#define NGINX_UPLOADS "uploads"	/* a folder for each site */

/* Makes all folders with their modes and owners, and parents that are missing. */
int base_tree_make(const struct settings *s, struct err *err);

/* Opens one of the base folders, or a folder SUB in it (NULL: itself), and
 * checks that it is root's and that only root may write there. */
int base_tree_open(const char *path, const char *sub, struct err *err);

#endif
