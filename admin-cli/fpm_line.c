/* SPDX-License-Identifier: Apache-2.0 */
/* PHP's ini grammar (Zend/zend_ini_scanner.l, normal mode) for one line. */
#include "admin-cli/fpm_line.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "schema/errors.h"

#define BLANKS " \t\r"

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_USAGE, "%s", what);
}

/* Copies SIZE bytes without the blanks around them and one pair of quotes. */
static int take_word(char out[OPTION_NAME_MAX], const char *s, size_t size, struct err *err)
{
	while (size && strchr(BLANKS, *s))
		s++, size--;
	while (size && strchr(BLANKS, s[size - 1]))
		size--;
	if (size >= 2 && (*s == '"' || *s == '\'') && s[size - 1] == *s)
		s++, size -= 2;
	if (size == 0 || size >= OPTION_NAME_MAX)
		return refuse(err, "a name is empty or too long");
	memcpy(out, s, size);
	out[size] = '\0';
	return 0;
}

/* A value that is being put together from bare and quoted pieces. */
struct value {
	char *out;
	size_t used, kept;	/* kept: up to the last byte that is no bare blank */
	bool is_quoted, is_computed, is_full;
};

static void add(struct value *v, char c, bool is_kept)
{
	if (v->used + 1 >= OPTION_LIST_MAX) {
		v->is_full = true;
		return;
	}
	v->out[v->used++] = c;
	if (is_kept)
		v->kept = v->used;
}

/* The piece behind the quote that *AT stands on; *AT then stands behind it. */
static int take_quoted(struct value *v, const char **at, struct err *err)
{
	const char quote = **at;
	const char *s = *at + 1;

	for (; *s && *s != quote; s++) {
		if (quote == '"' && s[0] == '$' && s[1] == '{')
			v->is_computed = true;
		if (quote == '"' && s[0] == '\\' && s[1] && strchr("\\\"'", s[1]))
			s++;
		add(v, *s, true);
	}
	if (!*s)
		return refuse(err, "a quote is not closed in its line");
	v->is_quoted = true;
	v->kept = v->used;
	*at = s + 1;
	return 0;
}

/* What PHP makes of a bare word: a boolean, or a constant that we do not know. */
static void settle_bare(struct fpm_line *line)
{
	static const char *const on[] = { "on", "yes", "true" };
	static const char *const off[] = { "off", "no", "false", "none", "null" };
	const char *capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		if (strcasecmp(line->value, on[i]) == 0)
			(void)str_copy(line->value, sizeof(line->value), "1");
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		if (strcasecmp(line->value, off[i]) == 0)
			line->value[0] = '\0';
	if ((strncmp(line->value, "E_", 2) == 0 || strncmp(line->value, "PHP_", 4) == 0) &&
	    line->value[strspn(line->value, capitals)] == '\0')
		line->is_computed = true;
}

static int take_value(struct fpm_line *line, const char *s, struct err *err)
{
	struct value v = { .out = line->value };

	s += strspn(s, BLANKS);
	while (*s && *s != ';') {
		if (*s == '"' || *s == '\'') {
			if (take_quoted(&v, &s, err) < 0)
				return -1;
			continue;
		}
		if (*s == '=')
			return refuse(err, "a value with '=' needs quotes");
		if (strchr("|&^~!()", *s) || (s[0] == '$' && s[1] == '{'))
			v.is_computed = true;
		add(&v, *s, !strchr(BLANKS, *s));
		s++;
	}
	if (v.is_full)
		return refuse(err, "the value is too long");
	line->value[v.kept] = '\0';
	line->is_computed = v.is_computed;
	if (!v.is_quoted && !v.is_computed)
		settle_bare(line);
	return 0;
}

static int take_entry(struct fpm_line *line, const char *s, struct err *err)
{
	size_t n = strcspn(s, "=[;&|^$~(){}!\"");
	const char *rest = s + n;

	if (take_word(line->name, s, n, err) < 0)
		return -1;
	if (*rest == '[') {
		n = strcspn(rest + 1, "]");
		if (rest[1 + n] != ']')
			return refuse(err, "a '[' is not closed");
		/* NAME[] is one more of a list. */
		if (n && take_word(line->key, rest + 1, n, err) < 0)
			return -1;
		rest += n + 2;
		rest += strspn(rest, BLANKS);
	}
	if (*rest != '=')
		return refuse(err, "it is no DIRECTIVE = VALUE");
	return take_value(line, rest + 1, err);
}

int fpm_line_parse(const char *data, size_t size, struct fpm_line *out, struct err *err)
{
	struct fpm_line line = { .kind = FPM_BLANK };
	char copy[FPM_LINE_MAX];
	const char *s = copy;

	if (size >= sizeof(copy))
		return refuse(err, "the line is too long");
	if (memchr(data, '\0', size))
		return refuse(err, "there is a zero byte");
	memcpy(copy, data, size);
	copy[size] = '\0';
	s += strspn(s, BLANKS);
	if (*s == '[') {
		size_t n = strcspn(s + 1, "]");
		const char *rest = s + 1 + n;

		if (*rest != ']' || (rest[1 + strspn(rest + 1, BLANKS)] != '\0' &&
				     rest[1 + strspn(rest + 1, BLANKS)] != ';'))
			return refuse(err, "the section does not end with ']'");
		line.kind = FPM_SECTION;
		if (take_word(line.name, s + 1, n, err) < 0)
			return -1;
	} else if (*s && *s != ';') {
		line.kind = FPM_ENTRY;
		if (take_entry(&line, s, err) < 0)
			return -1;
	}
	*out = line;
	return 0;
}
