/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of tenantd.conf as one fixed record.  tenant-build parses the
 * text (settings_parse.c, linked nowhere else that is privileged) and writes
 * the record; every other program only reads records.
 */
#ifndef SCHEMA_SETTINGS_H
#define SCHEMA_SETTINGS_H

#include <stdint.h>

#include "base/err.h"

#define SETTINGS_MAGIC 0x544e4453u	/* "TNDS" */
#define SETTINGS_VERSION 2u
#define SETTING_TEXT_MAX 200

enum setting_type {
	SETTING_PATH, SETTING_WORDS, SETTING_NUMBER, SETTING_SECONDS, SETTING_BOOL,
	SETTING_USER, SETTING_GROUP,
};

struct settings {
	uint32_t magic;
	uint32_t version;
	uint32_t size;		/* sizeof(struct settings) of the writer */
	uint32_t reserved;
#define SETTING_FIELD_PATH(name) char name[SETTING_TEXT_MAX];
#define SETTING_FIELD_WORDS(name) char name[SETTING_TEXT_MAX];
#define SETTING_FIELD_NUMBER(name) uint64_t name;
#define SETTING_FIELD_SECONDS(name) uint64_t name;
#define SETTING_FIELD_BOOL(name) uint64_t name;
#define SETTING_FIELD_USER(name) uint64_t name;
#define SETTING_FIELD_GROUP(name) uint64_t name;
#define SET(field, key, type, def, sentence) SETTING_FIELD_##type(field)
#include "schema/settings.def"
#undef SET
};

struct setting_row {
	const char *key;
	enum setting_type type;
	uint32_t offset;
	const char *def;
	const char *sentence;
};

extern const struct setting_row setting_rows[];
extern const int setting_row_count;

/* Checks magic, version, size and that every text ends. ERR_BAD_RECORD. */
int settings_check(const struct settings *s, struct err *err);

/* Reads the record `settings` that tenant-build wrote into the run folder;
 * it must be root's.  RUN_DIR is a path. */
int settings_load(const char *run_dir, struct settings *out, struct err *err);

/* Reads a record from a descriptor, from its current offset. */
int settings_read(int fd, struct settings *out, struct err *err);

/* Takes over what may change under a running program.  Where something else
 * differs, nothing is taken and the error names it. */
int settings_apply(struct settings *now, const struct settings *record, struct err *err);

/* Takes over, in the same way, what tenant-build has written since: for programs
 * that nobody tells of a reload.  On an error *now is as before. */
int settings_refresh(const char *run_dir, struct settings *now, struct err *err);

#define SETTINGS_FILE "settings"	/* its name in run_dir */

#endif
