/* SPDX-License-Identifier: Apache-2.0 */
/* Late loading, done before the filter forbids it. */
#include "pool/preload.h"

#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* What mail, feeds and old sites are written in.  libc's own charsets (UTF-8,
 * UCS, UTF-16/32 in part, ASCII) need no module. */
static const char *const charsets[] = {
	"ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5", "ISO-8859-6",
	"ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13",
	"ISO-8859-14", "ISO-8859-15", "ISO-8859-16", "CP1250", "CP1251", "CP1252", "CP1253",
	"CP1254", "CP1255", "CP1256", "CP1257", "CP1258", "CP437", "CP850", "CP852", "CP858",
	"CP862", "CP866", "CP874", "CP932", "CP949", "KOI8-R", "KOI8-U", "MACINTOSH", "TIS-620",
	"SJIS", "EUC-JP", "ISO-2022-JP", "EUC-KR", "UHC", "GB2312", "GBK", "GB18030", "BIG5",
	"BIG5-HKSCS", "EUC-TW", "UTF-7", "UTF-16", "UTF-16LE", "UTF-32", "UNICODE",
};

/* The descriptors stay open: closing the last one would unload the module. */
static void preload_charsets(void)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		(void)iconv_open("UTF-8", charsets[i]);
		(void)iconv_open(charsets[i], "UTF-8");
	}
}

void preload_libraries(void)
{
	struct addrinfo *found = NULL;

	preload_charsets();
	tzset();
	if (getaddrinfo("localhost", "http", NULL, &found) == 0)
		freeaddrinfo(found);
	(void)getpwuid(getuid());
}
