/* SPDX-License-Identifier: Apache-2.0 */
/* sendmail's command line. */
#include "pool/mail_args.h"

#include <string.h>

#include "base/str.h"
#include "schema/errors.h"

enum meaning { NOTHING = 0, SENDER = 1, HEADERS = 2, NO_DOT = 4 };	/* bits */

/* takes_value: behind it or in the next word.  takes_rest: it goes on in the same
 * word, and that does not matter here. */
static const struct option {
	const char *name;
	unsigned meaning;
	bool takes_value, takes_rest;
} options[] = {
	{ "-t", HEADERS, false, false },
	{ "-ti", HEADERS | NO_DOT, false, false },
	{ "-i", NO_DOT, false, false },
	{ "-oi", NO_DOT, false, false },
	{ "-bm", NOTHING, false, false },
	{ "-G", NOTHING, false, false },
	{ "-v", NOTHING, false, false },
	{ "-oe", NOTHING, false, true },
	{ "-om", NOTHING, false, true },
	{ "-od", NOTHING, false, true },
	{ "-f", SENDER, true, false },
	{ "-r", SENDER, true, false },
	{ "-F", NOTHING, true, false },
	{ "-B", NOTHING, true, false },
	{ "-N", NOTHING, true, false },
	{ "-R", NOTHING, true, false },
	{ "-V", NOTHING, true, false },
};

static const struct option *find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (o->takes_value || o->takes_rest ? strncmp(word, o->name, strlen(o->name)) == 0
						    : strcmp(word, o->name) == 0)
			return o;
	}
	return NULL;
}

static int add_recipient(struct mail_args *a, char *word, struct err *err)
{
	if (a->recipient_count == MAIL_RECIPIENTS_MAX)
		return err_set(err, ERR_USAGE, "a message may have %d recipients",
			       MAIL_RECIPIENTS_MAX);
	a->recipients[a->recipient_count++] = word;
	return 0;
}

static int apply(struct mail_args *a, const struct option *o, const char *value, struct err *err)
{
	if (o->meaning & HEADERS)
		a->reads_headers = true;
	if (o->meaning & NO_DOT)
		a->ends_at_dot = false;
	if ((o->meaning & SENDER) && str_copy(a->sender, sizeof(a->sender), value) < 0)
		return err_set(err, ERR_USAGE, "the address after '%s' is too long", o->name);
	return 0;
}

int mail_args_parse(int count, char *const *words, struct mail_args *out, struct err *err)
{
	struct mail_args a = { .ends_at_dot = true };
	bool is_over = false;

	for (int i = 0; i < count; i++) {
		char *word = words[i];
		const char *value = "";

		if (is_over || word[0] != '-') {
			if (add_recipient(&a, word, err) < 0)
				return -1;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			is_over = true;
			continue;
		}
		const struct option *o = find(word);

		if (!o)
			return err_set(err, ERR_USAGE, "sendmail's option '%.40s' is not taken in "
				       "a cage; there are -t, -i, -f ADDRESS and -F NAME", word);
		if (o->takes_value) {
			value = word + strlen(o->name);
			if (!*value && ++i == count)
				return err_set(err, ERR_USAGE, "sendmail's option '%s' wants a "
					       "value", o->name);
			if (!*value)
				value = words[i];
		}
		if (apply(&a, o, value, err) < 0)
			return -1;
	}
	*out = a;
	return 0;
}

int mail_args_split(char *text, char **words, int max, struct err *err)
{
	char *to = text;
	int count = 0;

	for (char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
		char quote = '\0';

		if (count == max)
			return err_set(err, ERR_USAGE, "sendmail's command has more than %d words",
				       max);
		words[count++] = to;
		for (; *at && (quote || !strchr(" \t", *at)); at++) {
			if (quote && *at == quote) {
				quote = '\0';
			} else if (!quote && (*at == '\'' || *at == '"')) {
				quote = *at;
			} else if (!quote && strchr("\n;&|<>$`()", *at)) {
				return err_set(err, ERR_USAGE, "sendmail's command has a '%c', "
					       "but no shell reads it", *at == '\n' ? ' ' : *at);
			} else {
				if (*at == '\\' && quote != '\'' && at[1])
					at++;
				*to++ = *at;
			}
		}
		if (quote)
			return err_set(err, ERR_USAGE, "a quote in sendmail's command does not "
				       "end");
		if (*at)
			at++;
		*to++ = '\0';
	}
	return count;
}
