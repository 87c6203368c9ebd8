/* SPDX-License-Identifier: Apache-2.0 */
/* The types of settings. */
#include "tenants/settings_value.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/net.h"
#include "schema/value.h"

#define ID_MAX UINT64_C(4294967293)
#define UID_BASE_MIN UINT64_C(100000)
#define TENANTS_LIMIT UINT64_C(65536)
#define NET_CONNECTIONS_MAX UINT64_C(1000000)
#define KEEP_DAYS_MAX UINT64_C(3650)

static const char letters_path[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/@+";
static const char letters_id[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
static const char letters_listen[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]*, ";

/* WORDS rows end up in other programs' configuration or in paths. */
static const struct {
	const char *key;
	const char *letters;
	const char *meaning;
} words[] = {
	{ "nginx_listen", letters_listen, "addresses and ports, separated by commas" },
	{ "cgroup_name", letters_id, "a name of letters, digits, '.', '_' and '-'" },
	{ "php", letters_id, "a version such as 8.2" },
	{ "net_table", letters_id, "a name of letters, digits, '.', '_' and '-'" },
};

static int refuse(const struct setting_row *row, const char *value, const char *where,
		  const char *meaning, struct err *err)
{
	return err_set(err, ERR_BAD_CONFIG, "%s: '%s = %.100s' is not %s", where, row->key, value,
		       meaning);
}

/* "/a/b": no empty, "." or ".." component, and not "/" itself. */
static bool is_clean_path(const char *s)
{
	if (*s != '/')
		return false;
	for (const char *part = s + 1;;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
			return false;
		if (part[n] == '\0')
			return true;
		part += n + 1;
	}
}

static bool has_only(const char *s, const char *letters)
{
	return s[strspn(s, letters)] == '\0';
}

/* Rows that speak of addresses. */
static int check_addresses(const struct setting_row *row, const char *value, const char *where,
			   struct err *err)
{
	struct net_allow rows[NET_ALLOW_MAX];
	struct net_range range;
	size_t count = 0;
	int rc = 0;

	if (strcmp(row->key, "net_allow") == 0)
		rc = net_allow_parse(value, rows, &count, err);
	else if (strcmp(row->key, "net_resolver") == 0)
		rc = net_resolver_parse(value, rows, &count, err);
	else if (strcmp(row->key, "net_range") == 0)
		rc = net_range_parse(value, &range, err);
	return rc < 0 ? err_wrap(err, "%s: '%s'", where, row->key) : 0;
}

static int check_words(const struct setting_row *row, const char *value, const char *where,
		       struct err *err)
{
	if (*value == '\0' || *value == '.')
		return refuse(row, value, where, "a word", err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].key, row->key) == 0)
			return has_only(value, words[i].letters) ? 0 :
			       refuse(row, value, where, words[i].meaning, err);
	for (const char *p = value; *p; p++)
		if (*p < ' ' || *p > '~' || strchr("\"';{}$\\#", *p))
			return refuse(row, value, where, "free of quotes, ';', '{', '}', '$', '\\'",
				      err);
	return check_addresses(row, value, where, err);
}

int setting_value_check(const struct setting_row *row, const char *value, const char *where,
			struct err *err)
{
	uint64_t number = 0;

	switch (row->type) {
	case SETTING_PATH:
		if (!is_clean_path(value) || !has_only(value, letters_path))
			return refuse(row, value, where,
				      "an absolute path of letters, digits and ._-/@+ without '..'",
				      err);
		return 0;
	case SETTING_WORDS:
		return check_words(row, value, where, err);
	case SETTING_NUMBER:
		if (str_number(value, ID_MAX, &number) < 0)
			return refuse(row, value, where, "a number", err);
		return 0;
	case SETTING_SECONDS:
		if (value_parse_seconds(value, &number) < 0)
			return refuse(row, value, where, "a time such as 10s or 5m", err);
		return 0;
	case SETTING_BOOL:
		if (value_parse_bool(value, &number) < 0)
			return refuse(row, value, where, "yes or no", err);
		return 0;
	case SETTING_USER:
	case SETTING_GROUP:
		if (*value == '\0' || *value == '-' || !has_only(value, letters_id))
			return refuse(row, value, where, "the name or number of a user or group",
				      err);
		return 0;
	}
	return 0;
}

static int find_user(const struct setting_row *row, const char *value, const char *where,
		     uint64_t *out, struct err *err)
{
	if (str_number(value, ID_MAX, out) < 0) {
		const struct passwd *user = getpwnam(value);

		if (!user)
			return err_set(err, ERR_BAD_CONFIG, "%s: '%s = %s': there is no such user; "
				       "make it (adduser --system --group %s) or name another",
				       where, row->key, value, value);
		*out = user->pw_uid;
	}
	if (*out == 0)
		return err_set(err, ERR_BAD_CONFIG, "%s: '%s = %s': root is not allowed here; the "
			       "program runs as a user of its own", where, row->key, value);
	return 0;
}

static int find_group(const struct setting_row *row, const char *value, const char *where,
		      uint64_t *out, struct err *err)
{
	if (str_number(value, ID_MAX, out) == 0)
		return 0;
	const struct group *group = getgrnam(value);

	if (!group)
		return err_set(err, ERR_BAD_CONFIG, "%s: '%s = %s': there is no such group; make "
			       "it (addgroup --system %s) or name another", where, row->key, value,
			       value);
	*out = group->gr_gid;
	return 0;
}

int setting_value_parse(const struct setting_row *row, const char *value, const char *where,
			char field[SETTING_TEXT_MAX], struct err *err)
{
	uint64_t number = 0;

	if (setting_value_check(row, value, where, err) < 0)
		return -1;
	switch (row->type) {
	case SETTING_PATH:
	case SETTING_WORDS:
		memset(field, 0, SETTING_TEXT_MAX);
		return str_copy(field, SETTING_TEXT_MAX, value);
	case SETTING_NUMBER:
		(void)str_number(value, ID_MAX, &number);	/* checked above, as the next two */
		break;
	case SETTING_SECONDS:
		(void)value_parse_seconds(value, &number);
		break;
	case SETTING_BOOL:
		(void)value_parse_bool(value, &number);
		break;
	case SETTING_USER:
		if (find_user(row, value, where, &number, err) < 0)
			return -1;
		break;
	case SETTING_GROUP:
		if (find_group(row, value, where, &number, err) < 0)
			return -1;
		break;
	}
	memcpy(field, &number, sizeof(number));
	return 0;
}

static int check_range(const char *key, uint64_t value, uint64_t min, uint64_t max,
		       struct err *err)
{
	if (value >= min && value <= max)
		return 0;
	return err_set(err, ERR_BAD_CONFIG, "setting '%s': %llu is not in the range %llu to %llu",
		       key, (unsigned long long)value, (unsigned long long)min,
		       (unsigned long long)max);
}

int setting_values_fit(const struct settings *s, struct err *err)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (str_format(path, sizeof(path), "%s/pool/%u/php.sock", s->run_dir, INT32_MAX) < 0)
		return err_set(err, ERR_BAD_CONFIG, "setting 'run_dir': '%s' is too long; paths of "
			       "sockets hold %zu bytes", s->run_dir, sizeof(path) - 1);
	if (check_range("uid_base", s->uid_base, UID_BASE_MIN, ID_MAX - TENANTS_LIMIT, err) < 0 ||
	    check_range("tenants_max", s->tenants_max, 1, TENANTS_LIMIT, err) < 0 ||
	    check_range("net_connections", s->net_connections, 1, NET_CONNECTIONS_MAX, err) < 0 ||
	    check_range("access_log_mib", s->access_log_mib, 1, 102400, err) < 0 ||
	    check_range("access_log_keep", s->access_log_keep, 1, 1000, err) < 0 ||
	    check_range("audit_rows", s->audit_rows, 100, 1000000, err) < 0 ||
	    check_range("removals_per_hour", s->removals_per_hour, 1, TENANTS_LIMIT, err) < 0 ||
	    check_range("removed_keep_days", s->removed_keep_days, 0, KEEP_DAYS_MAX, err) < 0)
		return -1;
	if (s->control_uid > s->uid_base || s->log_uid > s->uid_base ||
	    s->mail_uid > s->uid_base)
		return err_set(err, ERR_BAD_CONFIG, "settings 'control_user', 'log_user' and "
			       "'mail_user' must lie below uid_base, %llu: numbers above it "
			       "are tenants'",
			       (unsigned long long)s->uid_base);
	if (strcmp(s->home_dir, s->state_dir) == 0 || strcmp(s->home_dir, s->run_dir) == 0 ||
	    strcmp(s->home_dir, s->log_dir) == 0 || strcmp(s->state_dir, s->run_dir) == 0 ||
	    strcmp(s->state_dir, s->log_dir) == 0 || strcmp(s->run_dir, s->log_dir) == 0)
		return err_set(err, ERR_BAD_CONFIG, "settings 'home_dir', 'state_dir', 'run_dir' "
			       "and 'log_dir' must be four different folders");
	return 0;
}
