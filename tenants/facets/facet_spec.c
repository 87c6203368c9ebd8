/* SPDX-License-Identifier: Apache-2.0 */
/* Facet `spec`: the record from which the tenant's jail and pool are started. */
#include "tenants/facets/facet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/mail_wire.h"
#include "schema/pool_spec.h"
#include "tenants/base_tree.h"
#include "tenants/php_versions.h"

#define HOSTNAME_DEFAULT "cage"

_Static_assert(sizeof(struct pool_spec) <= SPEC_PAYLOAD_MAX, "the pool's record fits the spec");

static int too_long(struct err *err, const char *what)
{
	return err_set(err, ERR_BAD_CONFIG, "the path of %s is too long", what);
}

static int add_bind(struct jail_spec *s, const char *source, const char *target, uint32_t flags,
		    struct err *err)
{
	struct spec_bind *b = &s->bind[s->bind_count];

	if (s->bind_count == SPEC_BINDS_MAX ||
	    str_copy(b->source, sizeof(b->source), source) < 0 ||
	    str_copy(b->target, sizeof(b->target), target) < 0)
		return too_long(err, target);
	b->flags = flags;
	s->bind_count++;
	return 0;
}

/* Folders of the host's services.  The folder, not the socket: a bound socket
 * dies when its server restarts.  Read-only is enough to connect (the mount's
 * flags do not count for connect(2), the socket's mode does). */
static int add_sockets(struct jail_spec *s, const struct settings *set, const struct options *o,
		       struct err *err)
{
	const char *const folder[SOCKETS] = { [SOCKET_MYSQL] = set->socket_mysql,
					      [SOCKET_REDIS] = set->socket_redis };

	for (int i = 0; i < SOCKETS; i++)
		if ((o->sockets & (UINT64_C(1) << i)) &&
		    add_bind(s, folder[i], folder[i], SPEC_BIND_OPTIONAL, err) < 0)
			return -1;
	return 0;
}

/* The way to tenant-mail, which tells tenants apart by what the kernel says; and a
 * sendmail program that takes it, where programs may be started. */
static int add_mail(struct jail_spec *s, const struct settings *set, const struct options *o,
		    struct err *err)
{
	char source[SPEC_PATH_MAX];

	if (o->mail != MAIL_ALLOW)
		return 0;
	if (str_format(source, sizeof(source), "%s/" MAIL_SOCKET_DIR, set->run_dir) < 0)
		return too_long(err, "the mail socket");
	if (add_bind(s, source, MAIL_JAIL_DIR, SPEC_BIND_OPTIONAL, err) < 0)
		return -1;
	if (o->programs != PROGRAMS_ALLOW)
		return 0;
	if (str_format(source, sizeof(source), "%s/tenant-sendmail", set->libexec_dir) < 0)
		return too_long(err, "tenant-sendmail");
	return add_bind(s, source, MAIL_PROGRAM, SPEC_BIND_PROGRAM, err);
}

static int add_logs(struct jail_spec *s, const struct settings *set, const char *site,
		    struct err *err)
{
	char source[SPEC_PATH_MAX];
	char target[SPEC_PATH_MAX];

	if (str_format(source, sizeof(source), "%s/%s", set->log_dir, site) < 0 ||
	    str_format(target, sizeof(target), "%s/logs", s->home) < 0)
		return too_long(err, "the logs");
	return add_bind(s, source, target, 0, err);
}

static void set_limits(struct spec_limits *l, const struct options *o)
{
	l->memory_max = o->memory_max;
	l->memory_swap_max = o->memory_swap_max;
	l->pids_max = o->pids_max;
	l->cpu_quota = o->cpu_quota;
	l->cpu_weight = o->cpu_weight;
	l->open_files = o->open_files;
	l->disk_max = o->disk_max;
	l->inodes_max = o->inodes_max;
	l->io_max = o->io_max ? o->io_max : UINT64_MAX;
	l->io_weight = o->io_weight;
}

static int set_payload(struct jail_spec *s, const struct facet_run *run, struct err *err)
{
	struct pool_spec p = { .magic = POOL_SPEC_MAGIC, .version = POOL_SPEC_VERSION,
			       .size = sizeof(p), .number = run->number,
			       .uid = run->uid, .gid = run->uid };

	p.options = run->tenant->options;
	if (str_copy(p.site, sizeof(p.site), run->tenant->site) < 0 ||
	    str_copy(p.home, sizeof(p.home), s->home) < 0)
		return too_long(err, "the home");
	memcpy(s->payload, &p, sizeof(p));
	s->payload_size = sizeof(p);
	return 0;
}

int spec_fill(const struct facet_run *run, struct jail_spec *s, struct err *err)
{
	const struct settings *set = run->settings;
	const struct wire_tenant *t = run->tenant;
	const struct options *o = &t->options;

	memset(s, 0, sizeof(*s));
	s->magic = SPEC_MAGIC;
	s->version = SPEC_VERSION;
	s->size = sizeof(*s);
	s->flags = (t->is_suspended ? SPEC_SUSPENDED : 0) |
		   (o->programs == PROGRAMS_ALLOW ? SPEC_PROGRAMS : 0) |
		   (o->jit == JIT_ALLOW ? SPEC_JIT : 0) |
		   (o->network == NETWORK_EGRESS || mutant_is_off("net-none") ?
		    SPEC_NETWORK : 0);
	s->number = run->number;
	s->uid = run->uid;
	s->gid = run->uid;
	s->revision = t->revision;
	s->tmp_size = o->tmp_size;
	s->shm_size = o->shm_size;
	/* Mail and logs show it, so the site's own name where uts has room. */
	if (str_copy(s->hostname, sizeof(s->hostname), t->site) < 0)
		(void)str_copy(s->hostname, sizeof(s->hostname), HOSTNAME_DEFAULT);
	(void)snprintf(s->user, sizeof(s->user), "t%u", run->number);
	if (str_format(s->home, sizeof(s->home), "%s/%s", set->home_dir, t->site) < 0)
		return too_long(err, "the home");
	if (str_format(s->runtime, sizeof(s->runtime), "%s/php/%s", set->libexec_dir,
		       php_version_of(set, o)) < 0 ||
	    str_format(s->program, sizeof(s->program), "%s/tenant-pool", s->runtime) < 0)
		return too_long(err, "the pool program");
	set_limits(&s->limits, o);
	if (add_logs(s, set, t->site, err) < 0 || add_sockets(s, set, o, err) < 0 ||
	    add_mail(s, set, o, err) < 0 ||
	    set_payload(s, run, err) < 0)
		return -1;
	return spec_check(s, err);
}

static int open_specs(const struct facet_run *run, char name[16], struct err *err)
{
	(void)snprintf(name, 16, "%u", run->number);
	return base_tree_open(run->settings->state_dir, SPEC_DIR, err);
}

int spec_make(struct facet_run *run, struct err *err)
{
	static struct jail_spec spec;
	char name[16];
	CLOSE_AT_EXIT int dir = open_specs(run, name, err);

	if (dir < 0 || spec_fill(run, &spec, err) < 0 ||
	    file_write(dir, name, &spec, sizeof(spec), 0600, 0, 0, err) < 0)
		return -1;
	fault_point("build.spec.written");
	return 0;
}

/* Links of the tenant's own may lead to it, as to a release that is current; where they
 * lead out of the home nobody can tell before PHP does. */
static int check_preload(const struct facet_run *run, struct err *err)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	const struct options *o = &run->tenant->options;
	struct err unused = { 0 };
	CLOSE_AT_EXIT int home = base_tree_open(run->settings->home_dir, run->tenant->site,
						&unused);

	if (home < 0)
		return 0;	/* the home's own facet tells, and mends what it can */
	CLOSE_AT_EXIT int fd = (int)syscall(SYS_openat2, home, o->preload, &how, sizeof(how));
	struct stat st;

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_BAD_OPTION, "option 'preload': there is no file '%s' below "
			       "the home of '%s'; put it there first", o->preload,
			       run->tenant->site);
	return 0;
}

int spec_check_move(const struct facet_run *run, struct err *err)
{
	static struct jail_spec is;
	struct pool_spec was = { 0 };
	struct err unused = { 0 };
	char name[16];
	CLOSE_AT_EXIT int dir = open_specs(run, name, &unused);
	/* What is wrong with the record its own facet tells. */
	bool is_known = dir >= 0 &&
			file_read_record(dir, name, &is, sizeof(is), &unused) == 0 &&
			is.payload_size == sizeof(was);

	if (is_known)
		memcpy(&was, is.payload, sizeof(was));
	if ((!is_known || php_is_moved(&was.options, &run->tenant->options)) &&
	    php_check(run->settings, &run->tenant->options, err) < 0)
		return -1;
	/* A site that is just being made has no file yet. */
	if (run->is_new || !run->tenant->options.preload[0] ||
	    (is_known && strcmp(was.options.preload, run->tenant->options.preload) == 0))
		return 0;
	return check_preload(run, err);
}

int spec_undo(struct facet_run *run, struct err *err)
{
	char name[16];
	CLOSE_AT_EXIT int dir = open_specs(run, name, err);

	if (dir < 0 || file_remove(dir, name, err) < 0)
		return -1;
	fault_point("build.spec.removed");
	return 0;
}

int spec_facet_check(const struct facet_run *run, struct err *err)
{
	static struct jail_spec want;
	static struct jail_spec is;
	char name[16];
	CLOSE_AT_EXIT int dir = open_specs(run, name, err);

	if (dir < 0 || spec_fill(run, &want, err) < 0 ||
	    file_read_record(dir, name, &is, sizeof(is), err) < 0)
		return -1;
	if (memcmp(&want, &is, sizeof(is)) != 0)
		return err_set(err, ERR_FAILED, "spec %u is not what the tenant should be",
			       run->number);
	return 0;
}
