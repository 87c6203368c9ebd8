/* SPDX-License-Identifier: Apache-2.0 */
/* What of a record the machine does not enforce. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/control/view.h"

json_t *view_not_enforced(const char *run_dir)
{
	struct wire_machine m;
	json_t *json = json_array();
	CLOSE_AT_EXIT int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Without a record nothing is known to be enforced. */
	if (dir < 0 || file_read_record(dir, WIRE_MACHINE_FILE, &m, sizeof(m), NULL) < 0)
		m = (struct wire_machine){ .project_quota = 1, .io_max = 1, .io_weight = 1 };
	const struct { const char *option; int32_t missing; } rows[] = {
		{ "io_weight", m.io_weight }, { "io_max", m.io_max },
		{ "disk_max", m.project_quota }, { "inodes_max", m.project_quota },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].missing)
			(void)json_array_append_new(json, json_string(rows[i].option));
	return json;
}
