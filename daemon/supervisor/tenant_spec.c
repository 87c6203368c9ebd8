/* SPDX-License-Identifier: Apache-2.0 */
/* Reading spec records and condensing them. */
#include "daemon/supervisor/tenant_spec.h"

#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/pool_spec.h"

/* FNV-1a.  Root wrote what is hashed, so nobody looks for collisions. */
static uint64_t hash(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		h = (h ^ at[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Hashes the record without what changes under a running pool: the revision,
 * being suspended, limits of the cgroup, options of other scopes. */
static uint64_t pool_key(const struct jail_spec *full, const struct pool_spec *pool)
{
	struct jail_spec jail = *full;
	struct pool_spec plain = *pool;
	struct options defaults;

	jail.revision = 0;
	jail.flags &= ~(uint32_t)SPEC_SUSPENDED;
	jail.limits = (struct spec_limits){ .open_files = full->limits.open_files };
	options_default(&defaults);
	plain.options = defaults;
	for (int i = 0; i < OPTION_IDS; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->scope & OPTION_POOL)
			memcpy((char *)&plain.options + row->offset,
			       (const char *)&pool->options + row->offset,
			       option_size(row));
	}
	memset(jail.payload, 0, sizeof(jail.payload));
	memcpy(jail.payload, &plain, sizeof(plain));
	return hash(&jail, sizeof(jail));
}

int tenant_spec_from(const struct jail_spec *full, uint32_t number, struct tenant_spec *out,
		     struct err *err)
{
	struct pool_spec pool;
	struct tenant_spec spec = { 0 };

	if (spec_check(full, err) < 0)
		return -1;
	if (full->number != number)
		return err_set(err, ERR_BAD_RECORD, "it is for number %u", full->number);
	if (full->payload_size != sizeof(pool))
		return err_set(err, ERR_BAD_RECORD, "the pool's part has %u bytes, not %zu",
			       full->payload_size, sizeof(pool));
	memcpy(&pool, full->payload, sizeof(pool));
	if (pool.magic != POOL_SPEC_MAGIC || pool.version != POOL_SPEC_VERSION ||
	    pool.size != sizeof(pool) || pool.number != number)
		return err_set(err, ERR_BAD_RECORD, "the pool's part is of another version");
	if (!str_is_terminated(pool.site, sizeof(pool.site)) ||
	    str_copy(spec.site, sizeof(spec.site), pool.site) < 0 || strchr(spec.site, '/') ||
	    spec.site[0] == '.' || !spec.site[0])
		return err_set(err, ERR_BAD_RECORD, "the site's name is not one");
	if (options_check(&pool.options, err) < 0)
		return -1;
	spec.revision = full->revision;
	spec.is_suspended = (full->flags & SPEC_SUSPENDED) != 0;
	spec.has_network = (full->flags & SPEC_NETWORK) != 0;
	spec.has_programs = (full->flags & SPEC_PROGRAMS) != 0;
	spec.mail_is_open = pool.options.mail_ports == MAIL_PORTS_OPEN;
	spec.uid = full->uid;
	spec.max_children = (uint32_t)pool.options.max_children;
	spec.backlog = (uint32_t)pool.options.listen_backlog;
	spec.drain_s = (uint32_t)pool.options.request_terminate_timeout;
	spec.limits = full->limits;
	spec.pool_key = pool_key(full, &pool);
	*out = spec;
	return 0;
}

int tenant_spec_read(const struct place *p, uint32_t number, struct tenant_spec *out,
		     struct jail_spec *full, struct err *err)
{
	struct jail_spec record;
	char name[16];

	(void)str_format(name, sizeof(name), "%u", number);	/* fits */
	if (file_read_record(p->spec_dir, name, &record, sizeof(record), err) < 0 ||
	    tenant_spec_from(&record, number, out, err) < 0)
		return err_wrap(err, "spec of %u", number);
	if (full)
		*full = record;
	return 0;
}

int tenant_spec_each(const struct place *p, int (*each)(uint32_t number, void *arg), void *arg,
		     struct err *err)
{
	/* Temporary files of a killed builder are no numbers. */
	return file_each_number(p->spec_dir, "", each, arg, err);
}
