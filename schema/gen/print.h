/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents that schema/gen.c prints out of the tables, each on stdout, and
 * what they share.  Linked into nothing else.
 */
#ifndef SCHEMA_GEN_PRINT_H
#define SCHEMA_GEN_PRINT_H

/* Text for roff(7): a leading dot or quote would be a request, a backslash an
 * escape, a hyphen no minus. */
void print_roff(const char *s);

/* Head of a manual page: .TH and the section NAME. */
void print_title(const char *name, int section, const char *what);

/* One entry of a list: a bold term and its sentence. */
void print_entry(const char *term, const char *sentence);

void print_tenantd_8(void);
void print_wire_md(void);

/* Ends the program with status 1 after a message if a table lacks a row. */
void print_openapi(void);

#endif
