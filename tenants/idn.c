/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of host names by libidn2. */
#include "tenants/idn.h"

#include <idn2.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/name.h"

#define FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static bool has_a_label(const char *host)
{
	return strncmp(host, "xn--", 4) == 0 || strstr(host, ".xn--");
}

static int convert(const char *typed, char out[SITE_MAX], struct err *err)
{
	char *ascii = NULL;
	int rc = idn2_to_ascii_8z(typed, &ascii, FLAGS);

	if (rc != IDN2_OK)
		return err_set(err, ERR_BAD_NAME, "host name '%.80s': %s", typed,
			       idn2_strerror(rc));
	rc = str_copy(out, SITE_MAX, ascii);
	idn2_free(ascii);
	if (rc < 0)
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' has more than 253 octets as A-labels", typed);
	return 0;
}

/* An A-label that no Unicode name gives would be shown as something it is not. */
static int check_a_labels(const char *host, struct err *err)
{
	char unicode[IDN_TEXT_MAX];
	char again[SITE_MAX];

	idn_to_unicode(host, unicode);
	if (is_ascii(unicode) || convert(unicode, again, NULL) < 0 || strcmp(again, host) != 0)
		return err_set(err, ERR_BAD_NAME,
			       "host name '%.80s' has an 'xn--' label that stands for no name",
			       host);
	return 0;
}

int idn_to_ascii(const char *typed, char out[SITE_MAX], struct err *err)
{
	char host[SITE_MAX];

	if (strlen(typed) >= IDN_TEXT_MAX)
		return err_set(err, ERR_BAD_NAME, "the host name has %zu octets; 253 are allowed",
			       strlen(typed));
	if (!is_ascii(typed)) {
		if (convert(typed, host, err) < 0)
			return -1;
	} else if (str_copy(host, sizeof(host), typed) < 0) {
		return name_check(typed, err);	/* says how long it is */
	}
	for (char *p = host; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	if (name_check(host, err) < 0 || (has_a_label(host) && check_a_labels(host, err) < 0))
		return -1;
	memcpy(out, host, sizeof(host));
	return 0;
}

void idn_to_unicode(const char *site, char out[IDN_TEXT_MAX])
{
	char *unicode = NULL;

	if (has_a_label(site) && idn2_to_unicode_8z8z(site, &unicode, FLAGS) == IDN2_OK &&
	    str_copy(out, IDN_TEXT_MAX, unicode) == 0) {
		idn2_free(unicode);
		return;
	}
	idn2_free(unicode);
	(void)str_copy(out, IDN_TEXT_MAX, site);	/* a site always fits */
}
