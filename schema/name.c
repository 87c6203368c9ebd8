/* SPDX-License-Identifier: Apache-2.0 */
/* The check of host names. */
#include "schema/name.h"

#include <stdbool.h>
#include <string.h>

#include "schema/errors.h"

#define LABEL_MAX 63
#define NAME_OCTETS_MAX 253

/* Checks the N bytes of one label and tells whether all are digits. */
static int check_label(const char *label, size_t n, const char *host, bool *out_digits,
		       struct err *err)
{
	bool digits = true;

	if (n == 0)
		return err_set(err, ERR_BAD_NAME, "host name '%.80s' has an empty label", host);
	if (n > LABEL_MAX)
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' has a label of %zu octets; 63 are allowed", host,
			       n);
	if (label[0] == '-' || label[n - 1] == '-')
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' has a label that begins or ends with '-'", host);
	for (size_t i = 0; i < n; i++) {
		char c = label[i];

		if (c >= 'A' && c <= 'Z')
			return err_set(err, ERR_BAD_NAME, "host name '%.80s' is not in lower case",
				       host);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return err_set(err, ERR_BAD_NAME,
				       "host name '%.80s' has a character other than letters, "
				       "digits, '-' and '.'", host);
		digits = digits && c >= '0' && c <= '9';
	}
	*out_digits = digits;
	return 0;
}

int name_check(const char *host, struct err *err)
{
	size_t size = strlen(host);
	const char *label = host;
	int labels = 0;
	bool digits = false;

	if (size == 0)
		return err_set(err, ERR_BAD_NAME, "the host name is empty");
	if (size > NAME_OCTETS_MAX)
		return err_set(err, ERR_BAD_NAME,
			       "the host name has %zu octets; 253 are allowed", size);
	for (;;) {
		size_t n = strcspn(label, ".");

		if (check_label(label, n, host, &digits, err) < 0)
			return -1;
		labels++;
		if (label[n] == '\0')
			break;
		label += n + 1;
	}
	if (labels < 2)
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' has one label; a domain is needed", host);
	if (digits)
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' ends in a number and would be an address", host);
	return 0;
}
