/* SPDX-License-Identifier: Apache-2.0 */
/* The table of promises. */
#include "schema/promises.h"

#include "base/str.h"

const struct promise_row promise_rows[] = {
#define INSIDE(id, class, severity, probe, argument, walls, control, sentence) \
	{ id, PROMISE_##class, PROMISE_##severity, #probe, argument, NULL, walls, control, \
	  sentence },
#define OUTSIDE(id, class, severity, test, walls, control, sentence) \
	{ id, PROMISE_##class, PROMISE_##severity, NULL, NULL, test, walls, control, sentence },
#include "schema/promises.def"
#undef INSIDE
#undef OUTSIDE
};
const int promise_row_count = ARRAY_SIZE(promise_rows);

_Static_assert(ARRAY_SIZE(promise_rows) <= WIRE_PROMISE_ROWS, "the promises fit a frame");

const char *promise_class_word(enum promise_class c)
{
	static const char *const words[PROMISE_CLASSES] = {
		[PROMISE_FILES] = "Files", [PROMISE_PROC] = "/proc and names",
		[PROMISE_FASTCGI] = "nginx and FastCGI", [PROMISE_CACHE] = "OPcache and APCu",
		[PROMISE_PROCESSES] = "Processes and IPC",
		[PROMISE_KERNEL] = "The kernel's surface",
		[PROMISE_NETWORK] = "Network", [PROMISE_RESOURCES] = "Resources",
		[PROMISE_PERSISTENCE] = "Persistence", [PROMISE_CONTROL] = "Control plane",
		[PROMISE_MAIL] = "Mail",
	};

	return words[c];
}

const char *promise_severity_word(enum promise_severity s)
{
	static const char *const words[] = {
		[PROMISE_BREACH] = "breach", [PROMISE_DOS] = "dos",
		[PROMISE_INFO] = "info", [PROMISE_SURFACE] = "surface",
	};

	return words[s];
}

const char *promise_outcome_word(uint32_t outcome)
{
	static const char *const words[] = {
		[PROMISE_HELD] = "held", [PROMISE_BROKEN] = "broken",
		[PROMISE_UNPROVEN] = "unproven", [PROMISE_SKIPPED] = "skipped",
	};

	return outcome < ARRAY_SIZE(words) ? words[outcome] : NULL;
}

bool promise_check(struct wire_promise *r)
{
	if (r->row >= (uint32_t)promise_row_count || !promise_rows[r->row].probe ||
	    !promise_outcome_word(r->outcome) || !str_is_terminated(r->text, sizeof(r->text)))
		return false;
	for (char *at = r->text; *at; at++)
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	return true;
}
