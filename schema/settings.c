/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings and the reading of its record. */
#include "schema/settings.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "build_config.h"
#include "schema/errors.h"

const struct setting_row setting_rows[] = {
#define SET(field, key, type, def, sentence) \
	{ key, SETTING_##type, offsetof(struct settings, field), def, sentence },
#include "schema/settings.def"
#undef SET
};
const int setting_row_count = (int)ARRAY_SIZE(setting_rows);

int settings_check(const struct settings *s, struct err *err)
{
	if (s->magic != SETTINGS_MAGIC || s->version != SETTINGS_VERSION || s->size != sizeof(*s))
		return err_set(err, ERR_BAD_RECORD,
			       "the settings record is of another version; restart tenantd");
	for (int i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		const char *text = (const char *)s + row->offset;

		if ((row->type == SETTING_PATH || row->type == SETTING_WORDS) &&
		    !str_is_terminated(text, SETTING_TEXT_MAX))
			return err_set(err, ERR_BAD_RECORD, "setting '%s' has no end", row->key);
	}
	return 0;
}

int settings_load(const char *run_dir, struct settings *out, struct err *err)
{
	CLOSE_AT_EXIT int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct settings s;

	if (dir < 0)
		return err_sys(err, "open folder '%s' (is tenantd running?)", run_dir);
	if (file_read_record(dir, SETTINGS_FILE, &s, sizeof(s), err) < 0)
		return err_wrap(err, "settings in '%s'", run_dir);
	if (settings_check(&s, err) < 0)
		return -1;
	*out = s;
	return 0;
}

int settings_read(int fd, struct settings *out, struct err *err)
{
	struct settings s;

	if (fd_read_full(fd, &s, sizeof(s)) < 0)
		return err_sys(err, "read the settings record");
	if (settings_check(&s, err) < 0)
		return -1;
	*out = s;
	return 0;
}

/* What is open, bound, written into records, or the uid of a running program: it
 * needs a restart, and some of it an empty machine. */
static const char *const fixed_keys[] = {
	"home_dir", "state_dir", "run_dir", "log_dir", "uid_base", "tenants_max",
	"net_range", "net_table",
	"control_user", "log_user", "mail_user", "admin_group", "web_group", "cgroup_name",
};

static bool is_fixed(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed_keys); i++)
		if (strcmp(fixed_keys[i], key) == 0)
			return true;
	return false;
}

int settings_apply(struct settings *now, const struct settings *record, struct err *err)
{
	for (int i = 0; i < setting_row_count; i++) {
		const struct setting_row *row = &setting_rows[i];
		const char *a = (const char *)now + row->offset;
		const char *b = (const char *)record + row->offset;
		bool is_text = row->type == SETTING_PATH || row->type == SETTING_WORDS;

		if (is_fixed(row->key) &&
		    (is_text ? strcmp(a, b) != 0 : memcmp(a, b, sizeof(uint64_t)) != 0))
			return err_set(err, ERR_BAD_CONFIG, "'%s' cannot change while tenantd "
				       "runs; nothing was taken over, restart it", row->key);
	}
	*now = *record;
	return 0;
}

int settings_refresh(const char *run_dir, struct settings *now, struct err *err)
{
	struct settings record;

	if (settings_load(run_dir, &record, err) < 0)
		return -1;
	/* Spelled as this program was told; it may be the same folder by another way. */
	memcpy(record.run_dir, now->run_dir, sizeof(record.run_dir));
	return settings_apply(now, &record, err);
}
