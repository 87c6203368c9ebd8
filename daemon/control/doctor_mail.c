/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is a mailer for the sites that may send mail. */
#include "daemon/control/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tenants/plan.h"

struct senders {
	struct store *store;
	uint64_t sites;
	struct err *err;
};

/* Sites of one plan whose own value is VALUE, or that have none. */
static int add_sites(const char *plan, const char *value, uint64_t sites, void *ctx)
{
	static const struct overrides none;
	struct senders *s = ctx;
	struct overrides set;
	struct options o;

	options_default(&o);
	if (*value ? options_set(&o, option_rows[OPT_mail].name, value, s->err) < 0 :
		     store_plan(s->store, plan, &set, s->err) < 0 ||
		     overrides_resolve(&set, &none, &o, s->err) < 0)
		return -1;
	if (o.mail == MAIL_ALLOW)
		s->sites += sites;
	return 0;
}

int doctor_mailer(const struct settings *set, struct store *store, struct text *found,
		  struct err *err)
{
	struct senders s = { .store = store, .err = err };
	struct stat st;
	const char *lacks = NULL;

	if (store_each_value(store, option_rows[OPT_mail].name, add_sites, &s, err) < 0)
		return -1;
	if (s.sites == 0) {
		text_add(found, "no site may send mail");
		return 0;
	}
	/* Whose it is to start is tenant-mail's user; the mode says whether anybody may. */
	if (stat(set->mailer, &st) < 0)
		lacks = strerror(errno);
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		lacks = "it is no program";
	text_add(found, "%llu sites may send mail; mailer = %s: %s", (unsigned long long)s.sites,
		 set->mailer, lacks ? lacks : "it is there");
	return lacks ? -1 : 1;
}
