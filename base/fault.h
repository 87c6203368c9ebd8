/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places where a test makes the process die at once, as kill -9 would.  Only
 * builds with -DFAULTS have them; in all others the macro is empty.  The names
 * are rows of schema/faults.def, so that a test can walk all of them.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef FAULTS
/* Kills this process if the environment says TENANT_FAULT=NAME, or
 * TENANT_FAULT=NAME:N for the N-th passage. */
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
