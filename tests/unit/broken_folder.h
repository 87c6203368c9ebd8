/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that cannot be read to their end: readdir(3) of the test's own, which stands
 * before the library's.  For one file of a test program.
 */
#ifndef TESTS_UNIT_BROKEN_FOLDER_H
#define TESTS_UNIT_BROKEN_FOLDER_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

static int broken_folder_after = -1;	/* entries; -1: never */

struct dirent *readdir(DIR *entries)
{
	/* ISO C has no cast from an object's address to a function's. */
	union { void *symbol; struct dirent *(*call)(DIR *entries); } next = {
		dlsym(RTLD_NEXT, "readdir")
	};

	if (broken_folder_after == 0) {
		errno = EIO;
		return NULL;
	}
	if (broken_folder_after > 0)
		broken_folder_after--;
	return next.call(entries);
}

#endif
