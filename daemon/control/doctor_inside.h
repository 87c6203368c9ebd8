/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of doctor*.c share with their runner, and with nobody else. */
#ifndef DAEMON_CONTROL_DOCTOR_INSIDE_H
#define DAEMON_CONTROL_DOCTOR_INSIDE_H

#include "daemon/control/doctor.h"

enum doctor_result { DOCTOR_OK, DOCTOR_FAILED, DOCTOR_SKIPPED, DOCTOR_RESULTS };

/* What all checks look at.  Without facts of the supervisor AWAY says why. */
struct doctor {
	const struct settings *set;
	struct store *store;
	bool has_facts;
	struct wire_machine facts;
	struct err away;
};

/* FOUND, empty before, becomes what is so. */
typedef enum doctor_result doctor_check(const struct doctor *d, struct text *found);

#define DOCTOR(name, id, checked, advice) doctor_check doctor_check_##name;
#include "schema/doctor.def"
#undef DOCTOR

/* SKIPPED: why the supervisor could not be asked. */
doctor_check doctor_no_facts;

#endif
