/* SPDX-License-Identifier: Apache-2.0 */
/* The table of events. */
#include "schema/events.h"

static const char *const names[EVENT_IDS] = {
#define EVENT(id, name, sentence) [EVENT_##id] = name,
#include "schema/events.def"
#undef EVENT
};

const char *event_name(enum event_id id)
{
	return names[id];
}
