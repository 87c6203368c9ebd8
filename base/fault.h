/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places where a test makes the process die at once, as kill -9 would.  Only
 * builds with -DFAULTS have them; in all others the macro is empty.  The names
 * are rows of schema/faults.def, so that a test can walk all of them.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef FAULTS
/* TENANT_FAULT in the environment is the path of a file.  If that file holds
 * NAME, it is removed and this process killed: each fault written there strikes
 * once, in whichever program passes the place first.  If PATH.trace exists, each
 * place passed is appended to it, so that a test learns what a verb passes. */
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
