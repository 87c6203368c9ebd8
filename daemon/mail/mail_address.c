/* SPDX-License-Identifier: Apache-2.0 */
/* Checking mail addresses, and finding them in a header. */
#include "daemon/mail/mail_address.h"

#include <string.h>
#include <strings.h>

#include "base/mutant.h"
#include "schema/errors.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define SHOWN 80	/* bytes of what is wrong */

/* Without '|', which some mailers take for a pipe.  '%' and '!' were routes once,
 * but are in use. */
static const char letters_local[] = LETTERS DIGITS "!#$%&'*+/=?^_`{}~.-";
static const char letters_domain[] = LETTERS DIGITS ".-";

static bool has_only(const char *text, size_t size, const char *letters)
{
	for (size_t i = 0; i < size; i++)
		if (!text[i] || !strchr(letters, text[i]))
			return false;
	return true;
}

/* "a.b": no empty part, so neither a dot at an end nor two together. */
static bool has_parts(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '.' && (i == 0 || i + 1 == size || text[i - 1] == '.'))
			return false;
	return size > 0;
}

bool mail_address_is_good(const char *text, size_t size)
{
	const char *at = size < MAIL_ADDRESS_MAX ? memchr(text, '@', size) : NULL;

	if (mutant_is_off("mail-address"))
		return size < MAIL_ADDRESS_MAX;
	if (!at)
		return false;
	size_t local = (size_t)(at - text);
	size_t domain = size - local - 1;

	/* At the front a '-' looks like an option, a '/' like a file. */
	return has_only(text, local, letters_local) && has_parts(text, local) &&
	       !strchr("-/", text[0]) && has_only(at + 1, domain, letters_domain) &&
	       has_parts(at + 1, domain) && at[1] != '-';
}

static int refuse(const char *text, size_t size, struct err *err)
{
	char shown[SHOWN + 1];
	size_t n = size < SHOWN ? size : SHOWN;

	for (size_t i = 0; i < n; i++)
		shown[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i];
	shown[n] = '\0';
	return err_set(err, ERR_USAGE, "'%s' is not an address that mail can be sent to; write "
		       "name@domain", shown);
}

int mail_addresses_add(struct mail_addresses *to, const char *text, size_t size, struct err *err)
{
	if (!mail_address_is_good(text, size))
		return refuse(text, size, err);
	for (size_t i = 0; i < to->count; i++)
		if (strlen(to->at[i]) == size && strncasecmp(to->at[i], text, size) == 0)
			return 0;
	if (to->count == MAIL_RECIPIENTS_MAX)
		return err_set(err, ERR_USAGE, "a message may have %d recipients",
			       MAIL_RECIPIENTS_MAX);
	memcpy(to->at[to->count], text, size);
	to->at[to->count++][size] = '\0';
	return 0;
}

/* The end of a comment at I, or of a quoted string; SIZE if there is none. */
static size_t skip(const char *value, size_t size, size_t i)
{
	bool is_comment = value[i] == '(';
	size_t depth = 0;

	for (; i < size; i++) {
		if (value[i] == '\\')
			i++;
		else if (is_comment && value[i] == '(')
			depth++;
		else if (is_comment ? value[i] == ')' && --depth == 0
				    : value[i] == '"' && depth++ == 1)
			return i;
	}
	return size;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* An element without angle brackets, comments left out, blanks at its ends too. */
static int add_bare(struct mail_addresses *to, const char *text, size_t size, struct err *err)
{
	while (size > 0 && is_blank(text[size - 1]))
		size--;
	while (size > 0 && is_blank(*text)) {
		text++;
		size--;
	}
	return size > 0 ? mail_addresses_add(to, text, size, err) : 0;
}

int mail_addresses_read(struct mail_addresses *to, const char *value, size_t size,
			struct err *err)
{
	char bare[MAIL_ADDRESS_MAX];
	size_t n = 0;
	bool has_angle = false;

	for (size_t i = 0; i <= size; i++) {
		char c = i < size ? value[i] : ',';

		if (c == ',' || c == ';') {
			if (!has_angle && add_bare(to, bare, n, err) < 0)
				return -1;
			n = 0;
			has_angle = false;
		} else if (c == '(' || c == '"') {
			i = skip(value, size, i);
			if (i == size)
				return err_set(err, ERR_USAGE, "a list of addresses has a '%c' "
					       "that does not end", c);
			/* A name in quotes goes with angle brackets, or is wrong. */
			if (c == '"' && n < sizeof(bare))
				bare[n++] = '"';
		} else if (c == '<') {
			const char *end = memchr(value + i, '>', size - i);

			if (!end || has_angle)
				return err_set(err, ERR_USAGE, "a list of addresses has a '<' "
					       "without its '>'");
			if (add_bare(to, value + i + 1, (size_t)(end - value) - i - 1, err) < 0)
				return -1;
			i = (size_t)(end - value);
			has_angle = true;
		} else if (c == ':') {
			/* The name of a group.  With an '@' it is what a visitor typed. */
			if (memchr(bare, '@', n))
				return refuse(bare, n, err);
			n = 0;
		} else if (n < sizeof(bare)) {
			bare[n++] = c;	/* longer ones are too long for an address, too */
		}
	}
	return 0;
}
