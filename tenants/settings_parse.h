/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads tenantd.conf: `key = value` lines, `#` comments.  The text becomes a
 * record here, in a short run of tenant-build, so that nothing else that is
 * privileged ever parses it.
 */
#ifndef TENANTS_SETTINGS_PARSE_H
#define TENANTS_SETTINGS_PARSE_H

#include "base/err.h"
#include "schema/settings.h"

enum setting_id {
#define SET(field, key, type, def, sentence) SETTING_ID_##field,
#include "schema/settings.def"
#undef SET
	SETTING_IDS
};

#define SETTING_WHERE_MAX 300

/* The values as text, row by row, and where each was said. */
struct settings_text {
	char value[SETTING_IDS][SETTING_TEXT_MAX];
	char where[SETTING_IDS][SETTING_WHERE_MAX];	/* "" for a default */
};

/* Reads CONF, then conf.d/NAME.conf beside it in the order of names; a later
 * file wins over an earlier one.  Files must be root's and writable by root
 * alone.  ERR_BAD_CONFIG names file and line. */
int settings_parse(const char *conf, struct settings *out, struct err *err);

/* The three steps of it: defaults, the text of each file (NAME is shown in
 * messages), and the values, among them users and groups by their names. */
void settings_text_default(struct settings_text *t);
int settings_text_read(struct settings_text *t, const char *name, const char *text,
		       struct err *err);
int settings_text_finish(const struct settings_text *t, struct settings *out, struct err *err);

#endif
