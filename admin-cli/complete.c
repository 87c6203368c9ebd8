/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what fits.  No side effects but those of the function for names. */
#include "admin-cli/complete.h"

#include <string.h>

#include "admin-cli/clean.h"
#include "schema/options.h"
#include "schema/reasons.h"

struct complete {
	struct text *out;
	const char *begun;	/* the word that is being typed */
	const char *head;	/* stands before each candidate: "--plan=" or "" */
	struct args args;	/* what was typed before it */
	bool only_words;	/* behind "--" */
	complete_names *names;
	void *ctx;
};

static void offer(struct complete *c, const char *word, const char *sentence)
{
	size_t head = strlen(c->head);

	if (strncmp(c->begun, c->head, head) != 0 ||
	    strncmp(word, c->begun + head, strlen(c->begun + head)) != 0)
		return;
	text_add(c->out, "%s%s\t", c->head, word);
	clean_add(c->out, sentence);
	text_add(c->out, "\n");
}

/* Names are letters that mean nothing to a shell, or they are not offered. */
static void offer_names(struct complete *c, enum word_kind kind, const char *sentence)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	json_t *list = c->names(c->ctx, &c->args, kind);
	json_t *item = NULL;
	size_t i = 0;

	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);

		if (name && *name && strspn(name, letters) == strlen(name))
			offer(c, name, sentence);
	}
	json_decref(list);
}

static void offer_kind(struct complete *c, enum word_kind kind)
{
	switch (kind) {
	case KIND_NONE:
	case KIND_FILE:		/* the shell's own */
		break;
	case KIND_SITE:
		offer_names(c, kind, "site");
		break;
	case KIND_REMOVED:
		offer_names(c, kind, "removed site");
		break;
	case KIND_ALIAS:
		offer_names(c, kind, "alias");
		break;
	case KIND_PLAN:
		offer_names(c, kind, "plan");
		break;
	case KIND_PHP:
		offer_names(c, kind, "version of PHP");
		break;
	case KIND_CLASS:
		for (uint32_t i = 0; i < REASON_CLASSES; i++)
			if (reason_row(i))
				offer(c, reason_rows[i].word, reason_rows[i].administrators);
		break;
	case KIND_FORMAT:
		for (size_t i = 0; i < FORMATS; i++)
			offer(c, args_formats[i], "");
		break;
	}
}

static void offer_commands(struct complete *c)
{
	for (int i = 0; i < COMMAND_IDS; i++) {
		const struct command_row *row = &command_rows[i];
		const char *blank = strchr(row->word, ' ');
		char first[32] = "";

		if (c->args.group) {
			if (blank && command_is_in_group(row, c->args.group))
				offer(c, blank + 1, row->sentence);
			continue;
		}
		if (!blank) {
			offer(c, row->word, row->sentence);
			continue;
		}
		/* Once for all commands that begin with it. */
		(void)str_format(first, sizeof(first), "%.*s", (int)(blank - row->word), row->word);
		if (i == 0 || !command_is_in_group(&command_rows[i - 1], first))
			offer(c, first, "See its second words.");
	}
}

static void offer_flags(struct complete *c)
{
	for (int i = 0; i < FLAG_IDS; i++) {
		const struct flag_row *flag = &flag_rows[i];
		bool is_given = c->args.flag[i] && flag->times == FLAG_ONCE;

		if (c->args.command ? command_takes(c->args.command, flag) && !is_given
				    : flag->place == FLAG_GENERAL && !is_given)
			offer(c, flag->word, flag->sentence);
	}
}

static bool is_rest_given(const struct args *a, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < a->rest_count; i++)
		if (strncmp(a->rest[i], name, n) == 0 && a->rest[i][n] == '=')
			return true;
	return false;
}

/* OPTION= first; then its words, where it has some. */
static void offer_options(struct complete *c)
{
	static const char *const yes_or_no[] = { "yes", "no", NULL };
	char word[OPTION_NAME_MAX + 2];

	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];
		const char *mark = row->type == OPTION_KEYED ? "." : "=";
		const char *const *words = row->type == OPTION_BOOL ? yes_or_no : row->words;

		if (str_format(word, sizeof(word), "%s%s", row->name, mark) < 0 ||
		    is_rest_given(&c->args, row->name))
			continue;
		c->head = "";
		if (strncmp(c->begun, word, strlen(word)) != 0) {
			offer(c, word, row->sentence);
			continue;
		}
		c->head = word;
		for (size_t k = 0; words && words[k]; k++)
			offer(c, words[k], "");
		if (row->id == OPT_php)
			offer_names(c, KIND_PHP, "version of PHP");
	}
	c->head = "";
}

static void offer_words(struct complete *c)
{
	static const enum word_kind kinds[] = {
		[OPERAND_NONE] = KIND_NONE, [OPERAND_SITE] = KIND_SITE,
		[OPERAND_MAYBE_SITE] = KIND_SITE, [OPERAND_REMOVED] = KIND_REMOVED,
		[OPERAND_PLAN] = KIND_PLAN, [OPERAND_FOLDER] = KIND_FILE,
	};
	const struct command_row *command = c->args.command;

	if (!command) {
		offer_commands(c);
		return;
	}
	if (!c->args.operand && command->operand != OPERAND_NONE) {
		/* What is to be made has a name that is not there yet. */
		if (strcmp(command->method, "POST") != 0 || strchr(command->path, '{'))
			offer_kind(c, kinds[command->operand]);
		return;
	}
	if (command->rest == REST_OPTIONS)
		offer_options(c);
	else if (command->id == COMMAND_ALIAS_REMOVE)
		offer_kind(c, KIND_ALIAS);
}

/* True, and done, if the word is the value of a flag: behind it, or behind its '='. */
static bool is_flag_value(struct complete *c, const char *before)
{
	const char *value = NULL;
	const struct flag_row *flag = before ? args_flag(before, &value) : NULL;
	char head[64];

	if (flag && *flag->value && !value) {
		offer_kind(c, flag->kind);
		return true;
	}
	flag = c->begun[0] == '-' ? args_flag(c->begun, &value) : NULL;
	if (!flag || !value || str_format(head, sizeof(head), "%s=", flag->word) < 0)
		return false;
	c->head = head;
	offer_kind(c, flag->kind);
	c->head = "";
	return true;
}

void complete_words(struct text *out, int argc, char **argv, complete_names *names, void *ctx)
{
	static char help[] = "--help";	/* with it the line need not be complete */
	struct complete c = { .out = out, .begun = argc > 0 ? argv[argc - 1] : "", .head = "",
			      .names = names, .ctx = ctx };
	char *line[ARGS_LIST_MAX] = { help };
	const char *value = NULL;
	struct err unused = { 0 };
	int typed = argc > 0 ? argc - 1 : 0;

	if (typed >= ARGS_LIST_MAX)
		return;
	for (int i = 0; i < typed; i++) {
		line[i + 1] = argv[i];
		c.only_words = c.only_words || strcmp(argv[i], "--") == 0;
	}
	const char *before = typed > 0 && !c.only_words ? argv[typed - 1] : NULL;
	const struct flag_row *waiting = before ? args_flag(before, &value) : NULL;

	/* A flag that waits for its value would be an error. */
	if (waiting && *waiting->value && !value)
		typed--;
	if (args_parse(&c.args, typed + 1, line, &unused) < 0)
		return;
	c.args.flag[FLAG_HELP] = NULL;
	if (!c.only_words && is_flag_value(&c, before))
		return;
	if (!c.only_words && c.begun[0] == '-')
		offer_flags(&c);
	else
		offer_words(&c);
}
