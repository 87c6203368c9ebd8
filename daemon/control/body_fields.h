/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of request bodies (schema/body.def) and how each is taken.  For body.c. */
#ifndef DAEMON_CONTROL_BODY_FIELDS_H
#define DAEMON_CONTROL_BODY_FIELDS_H

#include <jansson.h>

#include "daemon/control/body.h"

/* One run over one body. */
struct body_parse {
	struct change *change;
	char *field;		/* FIELD_MAX; where the reader is */
	struct err *err;
};

struct body_field {
	const char *name;
	uint64_t commands;	/* bits of those that know it */
	uint64_t required;	/* bits of those that need it */
	/* -1 and p->err, with p->field as exact as it can be. */
	int (*take)(struct body_parse *p, const json_t *value);
};

enum {
#define BODY(name, type, commands, required, sentence) BODY_FIELD_##name,
#include "schema/body.def"
#undef BODY
	BODY_FIELDS
};

extern const struct body_field body_fields[BODY_FIELDS];

#endif
