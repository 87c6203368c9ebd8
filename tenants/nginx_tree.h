/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE_DIR/nginx: what the builder stages and tenant-nginx swaps.
 *   sites/      what nginx includes
 *   staged/     the next one; gone when the swap is done or refused.  Its
 *               `.revision` is written last and says that the tree is whole
 *   revision    the last revision given, only ever growing
 * NGINX is that folder's descriptor.
 */
#ifndef TENANTS_NGINX_TREE_H
#define TENANTS_NGINX_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "schema/settings.h"

/* The last revision given; 0: none yet. */
int nginx_tree_revision(int nginx, uint32_t *out, struct err *err);

/* Takes the next one; it is on disk before anything bears it. */
int nginx_tree_advance(int nginx, uint32_t *out, struct err *err);

/* Says that the tree in DIR is whole and which revision it is; reads it back.
 * Reading a tree without a mark: ERR_BAD_RECORD. */
int nginx_tree_mark(int dir, uint32_t revision, struct err *err);
int nginx_tree_read_mark(int dir, uint32_t *out, struct err *err);

/* Takes the mark away, before a tree that bears one is changed. */
int nginx_tree_unmark(int dir, struct err *err);

/* How many files the tree in DIR has. */
int nginx_tree_files(int dir, struct err *err);

/* True if NAME in DIR holds exactly this text; with NULL: if it is not there. */
bool nginx_tree_has(int dir, const char *name, const struct text *want);

/* True if what all sites share is in DIR what this build writes for the revision. */
bool nginx_tree_has_shared(const struct settings *s, int dir, uint32_t revision);

/* Removes the staged tree.  Idempotent. */
int nginx_tree_drop_staged(int nginx, struct err *err);

#endif
