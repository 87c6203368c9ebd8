/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libraries open late, opened early.  A worker may map no code, so a
 * module that libc loads on first use would be missing for ever after.
 */
#ifndef POOL_PRELOAD_H
#define POOL_PRELOAD_H

/* Charset modules of iconv, the resolver, local time.  Whatever is not installed
 * is left out. */
void preload_libraries(void);

#endif
