/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed records: the first byte says which, the others lie over a record that is good as far as
 * magic, version and size go.  Who accepts one may use each text and count of it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/spec.h"
#include "schema/settings.h"
#include "schema/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three bytes of input: where (two) and what. */
static void change(void *record, size_t room, const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		((uint8_t *)record)[((size_t)data[0] << 8 | data[1]) % room] = data[2];
}

static void settings(const uint8_t *data, size_t size)
{
	static struct settings s;
	struct err err = { 0 };

	memset(&s, 0, sizeof(s));
	s.magic = SETTINGS_MAGIC;
	s.version = SETTINGS_VERSION;
	s.size = sizeof(s);
	change(&s, sizeof(s), data, size);
	if (settings_check(&s, &err) < 0) {
		assert(err.text[0]);
		return;
	}
	for (int i = 0; i < setting_row_count; i++)
		if (setting_rows[i].type == SETTING_PATH || setting_rows[i].type == SETTING_WORDS)
			assert(str_is_terminated((const char *)&s + setting_rows[i].offset,
						 SETTING_TEXT_MAX));
}

static void spec(const uint8_t *data, size_t size)
{
	static struct jail_spec s;
	struct err err = { 0 };

	memset(&s, 0, sizeof(s));
	s.magic = SPEC_MAGIC;
	s.version = SPEC_VERSION;
	s.size = sizeof(s);
	s.number = 1;
	s.uid = s.gid = 1900000001;
	s.tmp_size = s.shm_size = 1 << 20;
	s.bind_count = 1;
	(void)str_copy(s.hostname, sizeof(s.hostname), "jail");
	(void)str_copy(s.user, sizeof(s.user), "t1");
	(void)str_copy(s.home, sizeof(s.home), "/srv/tenants/site.example");
	(void)str_copy(s.runtime, sizeof(s.runtime), "/usr/libexec/tenantd/php");
	(void)str_copy(s.program, sizeof(s.program), "/usr/libexec/tenantd/php/tenant-pool");
	(void)str_copy(s.bind[0].source, SPEC_PATH_MAX, "/run/mysqld");
	(void)str_copy(s.bind[0].target, SPEC_PATH_MAX, "/run/mysqld");
	s.limits = (struct spec_limits){ .memory_max = 1 << 29, .pids_max = 100, .cpu_quota = 100,
					 .cpu_weight = 100, .open_files = 1024,
					 .io_weight = 100, .io_max = UINT64_MAX };
	if (size == 0)
		assert(spec_check(&s, &err) == 0);
	change(&s, sizeof(s), data, size);
	if (spec_check(&s, &err) < 0) {
		assert(err.text[0]);
		return;
	}
	assert(s.uid != 0 && s.gid != 0 && s.number != 0);
	assert(s.bind_count <= SPEC_BINDS_MAX && s.payload_size <= SPEC_PAYLOAD_MAX);
	assert(s.home[0] == '/' && str_is_terminated(s.home, sizeof(s.home)));
	assert(!strstr(s.home, "/../") && !strstr(s.program, "/../"));
	for (uint32_t i = 0; i < s.bind_count; i++)
		assert(s.bind[i].source[0] == '/' && s.bind[i].target[0] == '/' &&
		       str_is_terminated(s.bind[i].source, SPEC_PATH_MAX) &&
		       str_is_terminated(s.bind[i].target, SPEC_PATH_MAX));
}

static void board(const uint8_t *data, size_t size)
{
	static struct wire_board b;

	memset(&b, 0, sizeof(b));
	b.row_count = 1;
	change(&b, sizeof(b), data, size);
	if (!wire_board_check(&b))
		return;
	assert(b.row_count <= WIRE_BOARD_ROWS);
	for (uint32_t i = 0; i < b.row_count; i++)
		assert(str_is_terminated(b.row[i].uri, sizeof(b.row[i].uri)) &&
		       str_is_terminated(b.row[i].script, sizeof(b.row[i].script)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = { settings, spec, board };

	if (size > 0)
		kinds[data[0] % ARRAY_SIZE(kinds)](data + 1, size - 1);
	return 0;
}
