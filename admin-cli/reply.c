/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of envelopes. */
#include "admin-cli/reply.h"

#include <stdlib.h>
#include <string.h>

#include "admin-cli/clean.h"
#include "build_config.h"
#include "schema/errors.h"

static const char *string_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int reply_parse(struct reply *out, const char *text, struct err *err)
{
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *metadata = json_object_get(root, "metadata");
	const char *result = string_of(metadata, "result");

	if (!*result) {
		json_decref(root);
		return err_set(err, ERR_NO_DAEMON,
			       "the answer is not one of tenantd's; does another program listen on "
			       "the socket?");
	}
	*out = (struct reply){
		.root = root,
		.data = json_object_get(root, "data"),
		.reason = string_of(metadata, "reason"),
		.is_failed = strcmp(result, "done") != 0 && strcmp(result, "unchanged") != 0,
		.is_unchanged = strcmp(result, "unchanged") == 0,
	};
	return 0;
}

void reply_done(struct reply *r)
{
	json_decref(r->root);
	*r = (struct reply){ 0 };
}

void reply_error(const struct reply *r, struct err *out)
{
	const struct error_row *row = error_by_name(string_of(r->data, "code"));
	const char *sentence = string_of(r->data, "sentence");
	struct text clean = { 0 };

	if (!*sentence)
		sentence = string_of(json_object_get(r->root, "metadata"), "reason");
	clean_add(&clean, *sentence ? sentence : row ? row->sentence : "no reason was given");
	(void)err_set(out, row ? row->number : ERR_FAILED, "%s", clean.data ? clean.data : "");
	text_free(&clean);
}

int reply_from_error(struct reply *out, const char *command, const struct err *error,
		     struct err *err)
{
	struct text clean = { 0 };

	clean_add(&clean, error->text);
	const char *text = clean.data ? clean.data : "";
	json_t *root = json_pack("{s:{s:s, s:s, s:s, s:s}, s:{s:s, s:n, s:s}}", "metadata",
				 "command", command, "result", "failed", "reason", text,
				 "version", TENANTD_VERSION, "data",
				 "code", error_row(error->code)->name, "field", "sentence", text);

	text_free(&clean);
	if (!root)
		return err_set(err, ERR_SYSTEM, "no memory for the reply");
	*out = (struct reply){ .root = root, .data = json_object_get(root, "data"),
			       .is_failed = true };
	return 0;
}

void reply_dump(struct text *out, const struct reply *r)
{
	char *dump = json_dumps(r->root, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (!dump) {
		out->failed = true;
		return;
	}
	/* The library escapes all control characters but this one. */
	for (const char *s = dump; *s; s++)
		text_add(out, *s == 0x7f ? "\\u007f" : "%c", *s);
	text_add(out, "\n");
	free(dump);
}
