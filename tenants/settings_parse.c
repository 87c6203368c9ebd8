/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of tenantd.conf to rows, rows to the record. */
#include "tenants/settings_parse.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "tenants/settings_value.h"

#define LINE_MAX_BYTES 512

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static void cut_blanks(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
}

static int row_of(const char *key)
{
	for (int i = 0; i < setting_row_count; i++)
		if (strcmp(setting_rows[i].key, key) == 0)
			return i;
	return -1;
}

/* One line without its end; it is changed. */
static int read_line(struct settings_text *t, bool seen[], char *line, const char *where,
		     struct err *err)
{
	line[strcspn(line, "#")] = '\0';	/* no value may hold a '#' */
	char *key = line + strspn(line, " \t");

	cut_blanks(key);
	if (*key == '\0')
		return 0;
	char *equals = strchr(key, '=');

	if (!equals)
		return err_set(err, ERR_BAD_CONFIG, "%s: '%.80s' is not 'key = value'", where, key);
	*equals = '\0';
	cut_blanks(key);
	const char *value = skip_blanks(equals + 1);
	int row = row_of(key);

	if (row < 0)
		return err_set(err, ERR_BAD_CONFIG, "%s: there is no setting '%.80s'", where, key);
	if (seen[row])
		return err_set(err, ERR_BAD_CONFIG, "%s: setting '%s' stands twice in this file",
			       where, key);
	seen[row] = true;
	if (str_copy(t->value[row], sizeof(t->value[row]), value) < 0)
		return err_set(err, ERR_BAD_CONFIG, "%s: the value of '%s' is longer than %d bytes",
			       where, key, SETTING_TEXT_MAX - 1);
	(void)str_copy(t->where[row], sizeof(t->where[row]), where);	/* same size */
	/* Now, while the line is at hand, although a later file may replace it. */
	return setting_value_check(&setting_rows[row], value, where, err);
}

void settings_text_default(struct settings_text *t)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; i < setting_row_count; i++)
		(void)str_copy(t->value[i], sizeof(t->value[i]), setting_rows[i].def);
}

int settings_text_read(struct settings_text *t, const char *name, const char *text,
		       struct err *err)
{
	bool seen[SETTING_IDS] = { false };
	char where[SETTING_WHERE_MAX];
	char line[LINE_MAX_BYTES];

	for (int number = 1; *text; number++) {
		size_t n = strcspn(text, "\n");

		if (str_format(where, sizeof(where), "'%s' line %d", name, number) < 0)
			return err_set(err, ERR_BAD_CONFIG, "the name of a file is too long");
		if (n >= sizeof(line))
			return err_set(err, ERR_BAD_CONFIG, "%s is longer than %zu bytes", where,
				       sizeof(line) - 1);
		memcpy(line, text, n);
		line[n] = '\0';
		if (read_line(t, seen, line, where, err) < 0)
			return -1;
		text += n + (text[n] == '\n');
	}
	return 0;
}

int settings_text_finish(const struct settings_text *t, struct settings *out, struct err *err)
{
	struct settings s = { .magic = SETTINGS_MAGIC, .version = SETTINGS_VERSION,
			      .size = sizeof(s) };

	for (int i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		char field[SETTING_TEXT_MAX] = "";
		const char *where = t->where[i][0] ? t->where[i] : "default";
		size_t size = row->type == SETTING_PATH || row->type == SETTING_WORDS ?
			      SETTING_TEXT_MAX : sizeof(uint64_t);

		if (setting_value_parse(row, t->value[i], where, field, err) < 0)
			return -1;
		memcpy((char *)&s + row->offset, field, size);
	}
	if (setting_values_fit(&s, err) < 0)
		return -1;
	*out = s;
	return 0;
}
