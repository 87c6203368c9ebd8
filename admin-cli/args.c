/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of tenantctl's command line. */
#include "admin-cli/args.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

/* Which flag belongs to which commands; bits by command id. */
#define FOR(id) (1u << COMMAND_##id)
#define FOR_ALL (~0u)
#define NEEDS_SITE (FOR(ADD) | FOR(REMOVE) | FOR(SHOW) | FOR(SET) | FOR(SUSPEND) | FOR(RESUME) | \
		    FOR(RESTORE))
#define TAKES_SITE (NEEDS_SITE | FOR(STATUS))
#define TAKES_OPTIONS (FOR(ADD) | FOR(SET))

enum flag { FLAG_PLAN, FLAG_ALIAS, FLAG_REASON, FLAG_SOCKET, FLAG_FORMAT, FLAG_JSON, FLAG_HELP,
	    FLAG_VERSION, FLAG_REMOVED, FLAG_PLANS };

static const struct flag_row {
	enum flag flag;
	const char *word;
	unsigned commands;
	bool has_value;
} flag_rows[] = {
	{ FLAG_PLAN,    "--plan",    FOR(ADD) | FOR(SET), true },
	{ FLAG_ALIAS,   "--alias",   FOR(ADD),     true },
	{ FLAG_REASON,  "--reason",  FOR(SUSPEND), true },
	{ FLAG_REMOVED, "--removed", FOR(LIST),    false },
	{ FLAG_PLANS,   "--plans",   FOR(LIST),    false },
	{ FLAG_SOCKET,  "--socket",  FOR_ALL,      true },
	{ FLAG_FORMAT,  "--format",  FOR_ALL,      true },
	{ FLAG_JSON,    "--json",    FOR_ALL,      false },
	{ FLAG_HELP,    "--help",    FOR_ALL,      false },
	{ FLAG_HELP,    "-h",        FOR_ALL,      false },
	{ FLAG_VERSION, "--version", FOR_ALL,      false },
};

static bool is_for(unsigned commands, const struct args *a)
{
	return a->command && (commands & (1u << a->command->id));
}

static const struct flag_row *flag_find(const char *word, const char **out_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++) {
		size_t n = strlen(flag_rows[i].word);

		if (strncmp(word, flag_rows[i].word, n) != 0)
			continue;
		if (word[n] == '\0' || (word[n] == '=' && flag_rows[i].has_value)) {
			*out_value = word[n] == '=' ? word + n + 1 : NULL;
			return &flag_rows[i];
		}
	}
	return NULL;
}

static int set_once(const char **field, const char *flag, const char *value, struct err *err)
{
	if (*field)
		return err_set(err, ERR_USAGE, "%s is given twice", flag);
	*field = value;
	return 0;
}

static int set_format(struct args *a, const char *word, struct err *err)
{
	static const char *const words[] = { "table", "csv", "plain", "json" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0) {
			a->format = (enum args_format)i;
			return 0;
		}
	return err_set(err, ERR_USAGE, "--format '%.40s' is not among: table, csv, plain, json",
		       word);
}

static int take_flag(struct args *a, const struct flag_row *row, const char *value,
		     struct err *err)
{
	switch (row->flag) {
	case FLAG_PLAN:
		return set_once(&a->plan, row->word, value, err);
	case FLAG_REASON:
		return set_once(&a->reason, row->word, value, err);
	case FLAG_SOCKET:
		return set_once(&a->socket, row->word, value, err);
	case FLAG_ALIAS:
		if (a->alias_count == ARGS_LIST_MAX)
			return err_set(err, ERR_USAGE, "more than %d aliases", ARGS_LIST_MAX);
		a->alias[a->alias_count++] = value;
		return 0;
	case FLAG_FORMAT:
		return set_format(a, value, err);
	case FLAG_JSON:
		a->format = FORMAT_JSON;
		return 0;
	case FLAG_HELP:
		a->is_help = true;
		return 0;
	case FLAG_VERSION:
		a->is_version = true;
		return 0;
	case FLAG_REMOVED:
	case FLAG_PLANS:
		if (a->list != LIST_SITES)
			return err_set(err, ERR_USAGE, "list: --removed and --plans exclude each "
				       "other");
		a->list = row->flag == FLAG_PLANS ? LIST_PLANS : LIST_REMOVED;
		return 0;
	}
	return 0;
}

static int take_option(struct args *a, const char *word, struct err *err)
{
	size_t n = strcspn(word, "=");

	if (n == 0)
		return err_set(err, ERR_USAGE, "'%.80s' has no option before the '='", word);
	if (a->option_count == ARGS_LIST_MAX)
		return err_set(err, ERR_USAGE, "more than %d options", ARGS_LIST_MAX);
	for (size_t i = 0; i < a->option_count; i++)
		if (strncmp(a->option[i], word, n + 1) == 0)
			return err_set(err, ERR_USAGE, "option '%.*s' is given twice",
				       (int)(n < 80 ? n : 80), word);
	a->option[a->option_count++] = word;
	return 0;
}

/* A word that is no flag: the command, then the site, then options. */
static int take_word(struct args *a, const char *word, struct err *err)
{
	if (!a->command) {
		a->command = command_by_word(word);
		if (!a->command)
			return err_set(err, ERR_USAGE, "there is no command '%.80s'", word);
		return 0;
	}
	if (!a->site && is_for(TAKES_SITE, a)) {
		a->site = word;
		return 0;
	}
	if (is_for(TAKES_OPTIONS, a) && strchr(word, '='))
		return take_option(a, word, err);
	return err_set(err, ERR_USAGE, "%s does not expect '%.80s'", a->command->word, word);
}

static int check_complete(const struct args *a, const unsigned flags_seen, struct err *err)
{
	if (a->is_help || a->is_version)
		return 0;
	if (!a->command)
		return err_set(err, ERR_USAGE, "a command is missing");
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++)
		if ((flags_seen & (1u << i)) && !is_for(flag_rows[i].commands, a))
			return err_set(err, ERR_USAGE, "%s does not know %s", a->command->word,
				       flag_rows[i].word);
	if (!a->site && is_for(NEEDS_SITE, a))
		return err_set(err, ERR_USAGE, "%s: the name of the site is missing",
			       a->command->word);
	if (a->command->id == COMMAND_SET && !a->plan && a->option_count == 0)
		return err_set(err, ERR_USAGE, "set: nothing to change is given");
	return 0;
}

int args_parse(struct args *out, int argc, char **argv, struct err *err)
{
	struct args a = { 0 };
	unsigned flags_seen = 0;
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		const char *value = NULL;

		if (only_words || word[0] != '-' || word[1] == '\0') {
			if (take_word(&a, word, err) < 0)
				return -1;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			only_words = true;
			continue;
		}
		const struct flag_row *row = flag_find(word, &value);

		if (!row)
			return err_set(err, ERR_USAGE, "there is no flag '%.80s'", word);
		if (row->has_value && !value) {
			if (i + 1 == argc)
				return err_set(err, ERR_USAGE, "%s needs a value", row->word);
			value = argv[++i];
		}
		flags_seen |= 1u << (row - flag_rows);
		if (take_flag(&a, row, value, err) < 0)
			return -1;
	}
	if (check_complete(&a, flags_seen, err) < 0)
		return -1;
	*out = a;
	return 0;
}
