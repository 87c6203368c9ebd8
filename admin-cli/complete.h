/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can stand next on a command line: `tenantctl --complete WORD...` for the
 * shells' completion.  From the tables, and from the names that tenantd knows.
 */
#ifndef ADMIN_CLI_COMPLETE_H
#define ADMIN_CLI_COMPLETE_H

#include <jansson.h>

#include "admin-cli/args.h"
#include "base/str.h"

#define COMPLETE_WORD "--complete"

/* The names of a kind, as a list of texts that is the caller's; NULL if they
 * cannot be had.  A holds what was typed so far. */
typedef json_t *complete_names(void *ctx, const struct args *a, enum word_kind kind);

/* Appends a line "candidate TAB sentence" for each word that can stand in the
 * place of the last of the words, which may be empty.  One that ends with '='
 * is not yet whole.  Nothing is appended where nothing fits. */
void complete_words(struct text *out, int argc, char **argv, complete_names *names, void *ctx);

/* Asks tenantd, and does not wait long for it.  CTX is not used. */
json_t *complete_ask(void *ctx, const struct args *a, enum word_kind kind);

#endif
