/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's files of numbers, for ledger*.c alone: the mark and the records.
 * Each is written whole or not at all; the order in which they change is ledger.c's.
 */
#ifndef TENANTS_LEDGER_FILES_H
#define TENANTS_LEDGER_FILES_H

#include "tenants/ledger.h"

/* Fails with ERR_BAD_RECORD, and says what to do about the file. */
int ledger_files_damaged(const char *name, struct err *err);

/* Reads of a record what stands before the aliases, which stay as they were.  1 if it is
 * there, 0 if the number was never given, -1. */
int ledger_files_head(const struct ledger *l, uint32_t number, struct ledger_record *out,
		      struct err *err);

/* Writes the record of r->number; its magic, version and size are set here. */
int ledger_files_store(const struct ledger *l, struct ledger_record *r, struct err *err);

/* Writes the high-water mark: NEXT is one past the highest number given. */
int ledger_files_store_next(const struct ledger *l, uint32_t next, struct err *err);

#endif
