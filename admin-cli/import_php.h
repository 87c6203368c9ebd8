/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which PHP the pools of a folder ran: no directive says it, but Debian's folder,
 * /etc/php/VERSION/fpm, does.
 */
#ifndef ADMIN_CLI_IMPORT_PHP_H
#define ADMIN_CLI_IMPORT_PHP_H

#include <jansson.h>

#include "base/err.h"

/* Gives the POOLS of fpm_files_read(PATH) the option php, each with a row that says
 * so, if tenantd has that version; else the row says that the plan's is used.
 * A path that names no version changes nothing.  -1 if tenantd does not answer. */
int import_php(const char *socket, const char *path, json_t *pools, struct err *err);

#endif
