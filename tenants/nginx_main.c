/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-nginx REVISION: puts the tree that tenant-build staged into use.
 * Descriptor 3 is the sealed settings record, 4 takes the reply.  It renders
 * nothing and reads nothing of tenants.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "schema/settings.h"
#include "schema/wire.h"
#include "tenants/nginx_swap.h"

enum { FD_SETTINGS = 3, FD_REPLY = 4 };

/* SYS_ADMIN and SETPCAP: a mount namespace for the test, which then gets less.
 * The others are nginx's own for `nginx -t`, and for removing the old tree. */
static const cap_value_t caps[] = {
	CAP_SYS_ADMIN, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_CHOWN,
	CAP_FOWNER,
};

static int run(const char *word, uint32_t *out_revision, struct err *err)
{
	static struct settings s;
	uint64_t revision = 0;

	if (str_number(word, UINT32_MAX, &revision) < 0 || revision == 0)
		return err_set(err, ERR_USAGE, "usage: tenant-nginx REVISION");
	if (caps_keep(caps, ARRAY_SIZE(caps), err) < 0 ||
	    settings_read(FD_SETTINGS, &s, err) < 0)
		return -1;
	*out_revision = (uint32_t)revision;
	return nginx_swap(&s, (uint32_t)revision, err);
}

int main(int argc, char **argv)
{
	unsigned char frame[sizeof(struct wire_head) + ERR_TEXT_MAX];
	struct wire_head h;
	struct err err = { 0 };
	uint32_t revision = 0;

	(void)umask(022);
	int rc = run(argc == 2 ? argv[1] : "", &revision, &err);

	wire_head_init(&h, WIRE_APPLY, 0, 0);
	h.flags = WIRE_REPLY;
	h.code = rc < 0 ? err.code : 0;
	h.nginx_revision = revision;
	h.size = rc < 0 ? (uint32_t)strlen(err.text) + 1 : 0;
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), err.text, h.size);
	if (fd_send(FD_REPLY, frame, sizeof(h) + h.size, NULL, 0) < 0)
		log_event(DAEMON_ERROR, "program=tenant-nginx error='%s'",
			  rc < 0 ? err.text : "the reply could not be sent");
	return rc < 0 ? error_row(err.code)->exit_status : 0;
}
