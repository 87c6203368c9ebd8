/* SPDX-License-Identifier: Apache-2.0 */
/* A line may hold anything a visitor or a tenant has sent. */
#include "admin-cli/lines.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/clean.h"
#include "admin-cli/connection.h"
#include "admin-cli/request.h"

#define LINE_MAX_BYTES (64 * 1024)	/* tenantd's are shorter */

struct lines {
	enum args_format format;
	size_t used;
	char line[LINE_MAX_BYTES + 1];
};

/* {"line":"..."}; bytes that are no UTF-8 were made '?'. */
static void add_json(struct text *out, const char *clean)
{
	json_t *json = json_pack("{s:s}", "line", clean);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	if (text)
		text_add(out, "%s", text);
	free(text);
	json_decref(json);
}

static int print_line(struct lines *l)
{
	struct text clean = { 0 };
	struct text out = { 0 };

	l->line[l->used] = '\0';
	/* A zero byte would hide what follows it. */
	for (size_t i = 0; i < l->used; i++)
		if (l->line[i] == '\0')
			l->line[i] = '?';
	l->used = 0;
	clean_add(&clean, l->line);
	if (l->format == FORMAT_JSON)
		add_json(&out, clean.data ? clean.data : "");
	else if (l->format == FORMAT_CSV)
		clean_add_csv(&out, l->line);
	else
		text_add(&out, "%s", clean.data ? clean.data : "");
	int rc = fputs(out.data ? out.data : "", stdout) == EOF || putchar('\n') == EOF ||
		 fflush(stdout) == EOF;

	text_free(&clean);
	text_free(&out);
	return rc;
}

static int take(void *arg, const char *data, size_t size)
{
	struct lines *l = arg;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			if (print_line(l) != 0)
				return 1;
		} else if (l->used < LINE_MAX_BYTES) {
			l->line[l->used++] = data[i];
		}
	}
	return 0;
}

int lines_print(const struct args *a, const char *socket, struct text *out, struct err *err)
{
	struct lines *l = calloc(1, sizeof(*l));
	struct text path = { 0 };

	if (!l)
		return err_sys(err, "memory for lines");
	l->format = a->format;
	request_path(&path, a);
	int rc = path.failed ? err_set(err, ERR_SYSTEM, "the arguments are too long") :
		 connection_stream(socket, path.data, take, l, out, err);

	if (rc == 0 && l->used > 0)
		rc = print_line(l) == 0 ? 0 : err_set(err, ERR_SYSTEM, "the output is closed");
	text_free(&path);
	free(l);
	return rc;
}
