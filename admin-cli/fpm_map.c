/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping by the table of options; the few values that mean another thing here. */
#include "admin-cli/fpm_map.h"

#include <string.h>

#include "base/str.h"
#include "schema/value.h"

static const struct {
	const char *directive, *why;
} dropped[] = {
#define DROPPED(directive, why) { directive, why },
#define OUTSIDE(setting, why)
#include "schema/fpm_dropped.def"
#undef DROPPED
#undef OUTSIDE
};

static const struct {
	const char *setting, *why;
} outside[] = {
#define DROPPED(directive, why)
#define OUTSIDE(setting, why) { setting, why },
#include "schema/fpm_dropped.def"
#undef DROPPED
#undef OUTSIDE
};

/* Whether one of the paths in a value, which are separated by ':' or stand behind
 * "N;" as sessions have it, is of the machine and not also in a cage. */
static bool names_outside(const char *value)
{
	static const char *const inside[] = { "/tmp", "/usr/share" };

	for (const char *at = value; *at; at += *at != '\0') {
		size_t n = strcspn(at, ":;");
		bool is_inside = *at != '/';

		for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
			size_t size = strlen(inside[i]);

			is_inside |= n >= size && strncmp(at, inside[i], size) == 0 &&
				     (n == size || at[size] == '/');
		}
		/* What stands behind "tcp:" or "unix:" is no path of a file. */
		if (!is_inside && strncmp(at, "//", 2) != 0)
			return true;
		at += n;
	}
	return false;
}

/* Why a setting's value means nothing in a cage, or NULL. */
static const char *why_outside(const char *setting, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		if (strcmp(outside[i].setting, setting) == 0)
			return names_outside(value) ? outside[i].why : NULL;
	return NULL;
}

/* Whether a column like "PHP-FPM php_value[], php_flag[], LVE EP" holds this name
 * of this program: a part without a blank is of the program before it. */
static bool is_known_as(const char *column, const char *program, const char *name)
{
	const char *owner = "";
	size_t owner_size = 0;

	for (const char *at = column; *at;) {
		size_t size = strcspn(at, ",");
		size_t first = strcspn(at, " ,");
		const char *part = at;

		if (first < size) {
			owner = at;
			owner_size = first;
			part = at + first + 1;
		}
		size_t part_size = (size_t)(at + size - part);

		if (owner_size == strlen(program) && memcmp(owner, program, owner_size) == 0 &&
		    part_size == strlen(name) && memcmp(part, name, part_size) == 0)
			return true;
		at += size;
		at += strspn(at, ", ");
	}
	return false;
}

static const struct option_row *option_known_as(const char *program, const char *name)
{
	for (int i = 0; i < OPTION_IDS; i++)
		if (is_known_as(option_rows[i].known_as, program, name))
			return &option_rows[i];
	return NULL;
}

/* Puts the pool's name in the place of each $pool. */
static int expand(char *out, size_t room, const char *value, const char *pool)
{
	static const char mark[] = "$pool";
	size_t used = 0;

	while (*value) {
		bool is_mark = strncmp(value, mark, sizeof(mark) - 1) == 0;
		const char *piece = is_mark ? pool : value;
		size_t n = is_mark ? strlen(pool) : 1;

		if (used + n >= room)
			return -1;
		memcpy(out + used, piece, n);
		used += n;
		value += is_mark ? sizeof(mark) - 1 : 1;
	}
	out[used] = '\0';
	return 0;
}

static void drop(struct fpm_mapped *m, const char *why)
{
	m->option[0] = '\0';
	(void)str_copy(m->why, sizeof(m->why), why);
}

/* Values that PHP or FPM write in another way than we do. */
static void convert(const struct option_row *row, char *value, size_t room)
{
	size_t n = strlen(value);

	if (row->id == OPT_access_log || row->id == OPT_user_ini)
		(void)str_copy(value, room, *value ? "yes" : "no");
	else if (row->type == OPTION_BOOL && !*value)
		(void)str_copy(value, room, "no");
	else if ((row->id == OPT_opcache_memory || row->id == OPT_opcache_interned ||
		  row->id == OPT_apcu_memory) && n && value[strspn(value, "0123456789")] == '\0' &&
		 n + 1 < room)
		memcpy(value + n, "M", 2);	/* PHP counts them in megabytes */
	else if (row->id == OPT_extensions && n > 3 && strcmp(value + n - 3, ".so") == 0)
		value[n - 3] = '\0';
}

static void map_option(const struct option_row *row, const char *key, struct fpm_mapped *m)
{
	struct options scratch;
	struct err err = { 0 };

	if (row->id == OPT_user_ini && *m->value && strcmp(m->value, ".user.ini") != 0) {
		drop(m, "such files are always named .user.ini");
		return;
	}
	convert(row, m->value, sizeof(m->value));
	(void)str_format(m->option, sizeof(m->option), "%s%s%s", row->name, *key ? "." : "", key);
	options_default(&scratch);
	if (options_set(&scratch, m->option, m->value, &err) < 0)
		drop(m, err.text);
}

/* php_value[KEY] and its like, and env[KEY]. */
static void map_keyed(const struct fpm_line *line, struct fpm_mapped *m)
{
	char family[OPTION_NAME_MAX + 2];
	uint64_t flag = 0;

	(void)str_format(family, sizeof(family), "%s[]", line->name);
	const struct option_row *row = option_known_as("PHP-FPM", family);
	const struct option_row *own = option_known_as("PHP", line->key);

	if (!row || row->type != OPTION_KEYED) {
		drop(m, "PHP-FPM has no such directive");
	} else if (row->id == OPT_env) {
		if (m->value[0] == '$')
			drop(m, "it comes from the environment in which PHP-FPM is started");
		else
			map_option(row, line->key, m);
	} else {
		if (strstr(line->name, "_flag"))
			(void)str_copy(m->value, sizeof(m->value),
				       value_parse_bool(m->value, &flag) == 0 && flag ? "1" : "0");
		const char *why = why_outside(line->key, m->value);

		if (why) {
			drop(m, why);
			return;
		}
		if (own && own->id == OPT_user_ini && strcmp(m->value, "0") == 0)
			m->value[0] = '\0';
		map_option(own ? own : row, own ? "" : line->key, m);
	}
}

void fpm_map(const struct fpm_line *line, const char *pool, struct fpm_mapped *out)
{
	const struct option_row *row = *line->key ? NULL : option_known_as("PHP-FPM", line->name);

	*out = (struct fpm_mapped){ 0 };
	if (expand(out->value, sizeof(out->value), line->value, pool) < 0) {
		drop(out, "with the pool's name in it the value is too long");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		if (strcmp(dropped[i].directive, line->name) == 0) {
			drop(out, dropped[i].why);
			return;
		}
	if (line->is_computed)
		drop(out, "PHP works this value out; write the result, for a number of "
		     "error levels the number");
	else if (*line->key)
		map_keyed(line, out);
	else if (row)
		map_option(row, "", out);
	else
		drop(out, "PHP-FPM has no such directive");
}
