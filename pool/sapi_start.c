/* SPDX-License-Identifier: Apache-2.0 */
/* What PHP says while it starts, for who asks why it did not, or not with all that the
 * plan wants.  The whole of it is in the log; here is a line. */
#include "pool/sapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static char last[REPORT_TEXT_MAX], missing[REPORT_TEXT_MAX];

static void keep(char out[REPORT_TEXT_MAX], const char *message)
{
	(void)snprintf(out, REPORT_TEXT_MAX, "%.*s", (int)strcspn(message, "\n"), message);
}

static bool has_word(const char *text, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || !isalnum((unsigned char)at[-1])) && at[size] != '_' &&
		    !isalnum((unsigned char)at[size]))
			return true;
	return false;
}

/* PHP warns of an extension that does not load, and starts all the same.  Those of the
 * machine's own files are no matter of the plan's. */
static bool is_of_extension(const char *message)
{
	static const char *const begins[] = { "PHP Warning:  PHP Startup: ",
					      "PHP Warning:  Cannot load module " };
	const char *at = sapi_state.extensions;
	char name[OPTION_NAME_MAX];
	bool is_one = false;

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		is_one = is_one || strncmp(message, begins[i], strlen(begins[i])) == 0;
	while (is_one && at && option_list_name(&at, name))
		if (has_word(message, name))
			return true;
	return false;
}

void sapi_start_note(const char *message)
{
	keep(last, message);
	if (!missing[0] && is_of_extension(message))
		keep(missing, message);
}

const char *sapi_start_last(void)
{
	return last;
}

const char *sapi_start_missing(void)
{
	return missing;
}
