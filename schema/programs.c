/* SPDX-License-Identifier: Apache-2.0 */
/* Usage texts. */
#include "schema/programs.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
	const char *program, *flag, *sentence;
} flags[] = {
#define PROGRAM(name, user, sentence)
#define SWITCH(program, flag, sentence) { program, flag, sentence },
#define SIGNAL(program, signals, sentence)
#define UNIT(name, sentence)
#define KEPT(path, sentence)
#include "schema/programs.def"
#undef PROGRAM
#undef SWITCH
#undef SIGNAL
#undef UNIT
#undef KEPT
};

int program_usage(const char *name)
{
	(void)fprintf(stderr, "usage: %s FLAGS, see tenantd(8)\n", name);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].program, name) == 0)
			(void)fprintf(stderr, "  %-12s %s\n", flags[i].flag, flags[i].sentence);
	return 2;
}
