/* SPDX-License-Identifier: Apache-2.0 */
/* PHP-FPM's access.format, cut into its parts.  The pool writes by it, and control
 * and builder refuse what the pool could not write. */
#ifndef SCHEMA_ACCESS_FORMAT_H
#define SCHEMA_ACCESS_FORMAT_H

#include <stddef.h>

struct access_part {
	char letter;		/* of %letter and %{argument}letter; 0: text as it is */
	const char *text;	/* the text, or the argument; borrowed */
	size_t size;
};

/* Takes the next part.  1; 0 at the end; -1 if it is not one. */
int access_format_next(const char **at, struct access_part *out);

#endif
