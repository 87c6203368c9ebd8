/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller asks to be changed: the request body as plain data.  Pure.
 * Unknown fields, wrong types, doubled keys and deep nesting are refused, and
 * the field is named.
 */
#ifndef DAEMON_CONTROL_BODY_H
#define DAEMON_CONTROL_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/control/envelope.h"
#include "schema/commands.h"
#include "tenants/plan.h"

#define BODY_MAX (64 * 1024)
#define BODY_DEPTH_MAX 8

/* A wish.  What is not said is false or empty. */
struct change {
	enum command_id command;
	uint32_t uid;			/* of the caller */
	bool is_dry_run;		/* tell what would change; make nothing */
	bool is_untried;		/* PHP need not try the settings first */
	uint64_t if_revision;		/* only if the site has it; 0: whatever it has */
	char site[SITE_MAX];		/* empty where it is about a plan */
	char name[PLAN_NAME_MAX];	/* of that plan */
	bool has_parent, has_sentence;
	char parent[PLAN_NAME_MAX];
	char sentence[PLAN_SENTENCE_MAX];
	bool has_plan, has_aliases;
	char plan[PLAN_NAME_MAX];
	uint32_t alias_count;
	char alias[ALIASES_MAX][SITE_MAX];
	struct overrides options;
	struct overrides cleared;	/* back to the plan's value: what is set here */
	char reason[REASON_MAX];
	struct wire_exec exec;		/* words and limit of exec */
	uint32_t reason_class;		/* of schema/reasons.def */
};

/* Reads a body of SIZE bytes for the command.  out->command, and site or name
 * unless the body has it, are the caller's and stay.  FIELD becomes the name
 * of the field that is wrong, or "".  ERR_BAD_JSON, ERR_BAD_NAME,
 * ERR_BAD_OPTION, ERR_CONFLICT for a host that stands twice. */
int body_parse(const char *text, size_t size, struct change *out, char field[FIELD_MAX],
	       struct err *err);

#endif
