/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of tenantctl's command line. */
#include "admin-cli/args.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

const char *const args_formats[FORMATS] = { "table", "csv", "plain", "json" };

const struct flag_row *args_flag(const char *word, const char **out_value)
{
	for (size_t i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *row = &flag_rows[i];
		size_t n = strlen(row->word);

		*out_value = NULL;
		if (row->letter && word[1] == row->letter && word[2] == '\0')
			return row;
		if (strncmp(word, row->word, n) != 0)
			continue;
		if (word[n] == '=' && *row->value)
			*out_value = word + n + 1;
		if (word[n] == '\0' || *out_value)
			return row;
	}
	return NULL;
}

static int take_format(struct args *a, const char *word, struct err *err)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (strcmp(word, args_formats[i]) == 0) {
			a->format = (enum args_format)i;
			return 0;
		}
	return err_set(err, ERR_USAGE, "--format '%.40s' is not among: table, csv, plain, json",
		       word);
}

static int take_flag(struct args *a, const struct flag_row *row, const char *value,
		     struct err *err)
{
	if (row->times == FLAG_MANY) {
		if (a->item_count == ARGS_LIST_MAX)
			return err_set(err, ERR_USAGE, "%s is given more than %d times", row->word,
				       ARGS_LIST_MAX);
		a->item[a->item_count++] = (struct args_item){ row->id, value };
	} else if (a->flag[row->id] && *row->value) {
		return err_set(err, ERR_USAGE, "%s is given twice", row->word);
	}
	a->flag[row->id] = value ? value : "";
	if (row->id == FLAG_JSON)
		a->format = FORMAT_JSON;
	return row->id == FLAG_FORMAT ? take_format(a, value, err) : 0;
}

static int take_option(struct args *a, const char *word, struct err *err)
{
	size_t n = strcspn(word, "=");

	if (n == 0 || word[n] == '\0')
		return err_set(err, ERR_USAGE, "%s does not expect '%.80s'; options are "
			       "OPTION=VALUE", a->command->word, word);
	for (size_t i = 0; i < a->rest_count; i++)
		if (strncmp(a->rest[i], word, n + 1) == 0)
			return err_set(err, ERR_USAGE, "option '%.*s' is given twice",
				       (int)(n < 80 ? n : 80), word);
	return 0;
}

/* The first word, or the first two, name the command. */
static int take_command(struct args *a, const char *word, struct err *err)
{
	char both[64];

	if (a->group) {
		if (str_format(both, sizeof(both), "%s %s", a->group, word) == 0)
			a->command = command_by_word(both);
		if (!a->command)
			return err_set(err, ERR_USAGE, "there is no command '%s %.80s'", a->group,
				       word);
		a->group = NULL;
		return 0;
	}
	a->command = command_by_word(word);
	if (!a->command && command_is_group(word))
		a->group = word;
	else if (!a->command)
		return err_set(err, ERR_USAGE, "there is no command '%.80s'", word);
	return 0;
}

/* A word that is no flag: the command, then its operand, then the rest. */
static int take_word(struct args *a, const char *word, struct err *err)
{
	if (!a->command)
		return take_command(a, word, err);
	if (!a->operand && a->command->operand != OPERAND_NONE) {
		a->operand = word;
		return 0;
	}
	if (a->command->rest == REST_NONE)
		return err_set(err, ERR_USAGE, "%s does not expect '%.80s'", a->command->word,
			       word);
	if (a->command->rest == REST_OPTIONS && take_option(a, word, err) < 0)
		return -1;
	if (a->rest_count == ARGS_LIST_MAX)
		return err_set(err, ERR_USAGE, "more than %d words", ARGS_LIST_MAX);
	a->rest[a->rest_count++] = word;
	return 0;
}

static bool has_body_flag(const struct args *a)
{
	for (size_t i = 0; i < FLAG_IDS; i++)
		if (a->flag[i] && flag_rows[i].place == FLAG_BODY)
			return true;
	return false;
}

static int check_complete(const struct args *a, struct err *err)
{
	const struct command_row *c = a->command;

	if (a->flag[FLAG_HELP] || a->flag[FLAG_VERSION])
		return 0;
	if (a->group)
		return err_set(err, ERR_USAGE, "'%s' is the first word of several commands; the "
			       "second is missing", a->group);
	if (!c)
		return err_set(err, ERR_USAGE, "a command is missing");
	for (size_t i = 0; i < FLAG_IDS; i++)
		if (a->flag[i] && !command_takes(c, &flag_rows[i]))
			return err_set(err, ERR_USAGE, "%s does not know %s", c->word,
				       flag_rows[i].word);
	if (!a->operand && c->operand != OPERAND_NONE && c->operand != OPERAND_MAYBE_SITE &&
	    !(c->operand == OPERAND_SITES && a->flag[FLAG_ALL]))
		return err_set(err, ERR_USAGE, "%s: the name of the %s is missing", c->word,
			       c->operand == OPERAND_PLAN ? "plan" :
			       c->operand == OPERAND_FOLDER ? "folder" : "site");
	if (c->operand == OPERAND_SITES && a->operand && a->flag[FLAG_ALL])
		return err_set(err, ERR_USAGE, "%s: a site and --all exclude each other", c->word);
	if (c->rest == REST_WORDS && a->rest_count == 0)
		return err_set(err, ERR_USAGE, "%s: the command is missing; it stands behind --",
			       c->word);
	if (c->rest == REST_HOSTS && a->rest_count == 0)
		return err_set(err, ERR_USAGE, "%s: a host name is missing", c->word);
	if (strcmp(c->method, "PATCH") == 0 && a->rest_count == 0 && !has_body_flag(a))
		return err_set(err, ERR_USAGE, "%s: nothing to change is given", c->word);
	return 0;
}

const struct command_row *args_route(const struct args *a)
{
	if (a->command->id == COMMAND_STATUS && !a->operand)
		return &command_rows[ROUTE_DAEMON];
	if (a->flag[FLAG_JAIL])
		return &command_rows[ROUTE_JAIL];
	return a->flag[FLAG_REMOVED] ? &command_rows[ROUTE_REMOVED] : a->command;
}

int args_parse(struct args *out, int argc, char **argv, struct err *err)
{
	struct args a = { 0 };
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
		const struct flag_row *row = args_flag(word, &value);

		if (!row)
			return err_set(err, ERR_USAGE, "there is no flag '%.80s'", word);
		if (*row->value && !value) {
			if (i + 1 == argc)
				return err_set(err, ERR_USAGE, "%s needs a value", row->word);
			value = argv[++i];
		}
		if (take_flag(&a, row, value, err) < 0)
			return -1;
	}
	if (check_complete(&a, err) < 0)
		return -1;
	*out = a;
	return 0;
}

void args_guess(struct args *out, int argc, char **argv)
{
	char both[64];

	for (int i = 0; i < argc && !out->command; i++) {
		out->command = command_by_word(argv[i]);
		if (out->command || !command_is_group(argv[i]))
			continue;
		out->group = argv[i];
		if (i + 1 < argc &&
		    str_format(both, sizeof(both), "%s %s", argv[i], argv[i + 1]) == 0)
			out->command = command_by_word(both);
		break;
	}
}
