/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the daemon and their flags, from programs.def. */
#ifndef SCHEMA_PROGRAMS_H
#define SCHEMA_PROGRAMS_H

/* Tells on stderr how the program is called.  Returns 2, the exit status. */
int program_usage(const char *name);

#endif
