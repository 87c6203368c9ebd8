/* SPDX-License-Identifier: Apache-2.0 */
/* Event names of log lines and audit rows, from events.def. */
#ifndef SCHEMA_EVENTS_H
#define SCHEMA_EVENTS_H

enum event_id {
#define EVENT(id, name, sentence) EVENT_##id,
#include "schema/events.def"
#undef EVENT
	EVENT_IDS
};

/* The name of an event. */
const char *event_name(enum event_id id);

/* log_line() with the event's name; see base/log.h. */
#define log_event(id, ...) log_line(event_name(EVENT_##id), __VA_ARGS__)

#endif
