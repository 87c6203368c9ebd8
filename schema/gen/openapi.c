/* SPDX-License-Identifier: Apache-2.0 */
/* openapi.yaml: paths and bodies of the API; openapi_shapes.c prints its components. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "build_config.h"
#include "base/str.h"
#include "schema/commands.h"
#include "schema/gen/openapi.h"
#include "schema/gen/print.h"

/* True if an earlier row has this path and, unless it is NULL, this method. */
static bool is_told(int i, const char *path, const char *method)
{
	for (int k = 0; k < i; k++)
		if (strcmp(command_rows[k].path, path) == 0 &&
		    (!method || strcmp(command_rows[k].method, method) == 0))
			return true;
	return false;
}

static const struct {
	const char *name, *type;
	uint64_t commands, required;
	const char *sentence;
} bodies[] = {
#define FOR(id) (UINT64_C(1) << COMMAND_##id)
#define BODY(name, type, commands, required, sentence) \
	{ #name, #type, commands, required, sentence },
#include "schema/body.def"
#undef BODY
#undef FOR
};

/* Bits of all commands of a method and path. */
static uint64_t commands_of(const struct command_row *o)
{
	uint64_t bits = 0;

	for (int i = 0; i < COMMAND_IDS; i++)
		if (strcmp(command_rows[i].path, o->path) == 0 &&
		    strcmp(command_rows[i].method, o->method) == 0)
			bits |= UINT64_C(1) << i;
	return bits;
}

static void print_body(const struct command_row *o)
{
	const uint64_t commands = commands_of(o);
	const char *opening = "              required: [";
	int fields = 0;

	printf("      requestBody:\n        content:\n          application/json:\n"
	       "            schema:\n              type: object\n"
	       "              additionalProperties: false\n");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		if (bodies[i].required & commands) {
			printf("%s%s", opening, bodies[i].name);
			opening = ", ";
		}
	printf("%s", *opening == ',' ? "]\n" : "");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		if (!(bodies[i].commands & commands))
			continue;
		printf("%s                %s:\n                  description: ",
		       fields++ ? "" : "              properties:\n", bodies[i].name);
		yaml_text(bodies[i].sentence);
		printf("                  $ref: '#/components/schemas/Body%s'\n", bodies[i].type);
	}
	if (*opening == ',')
		printf("        required: true\n");
}

static void print_parameters(const struct command_row *o)
{
	const char *opening = "      parameters:\n";

	for (const char *at = strchr(o->path, '{'); at; at = strchr(at + 1, '{')) {
		int n = (int)strcspn(at + 1, "}");

		printf("%s        - { name: %.*s, in: path, required: true, "
		       "schema: { type: string, minLength: 1 } }\n", opening, n, at + 1);
		opening = "";
	}
	for (int i = 0; i < FLAG_IDS; i++) {
		if (flag_rows[i].place != FLAG_QUERY || !command_takes(o, &flag_rows[i]))
			continue;
		printf("%s        - name: %s\n          in: query\n          schema: { %s }\n"
		       "          description: ", opening, flag_rows[i].field,
		       *flag_rows[i].value ? "type: string" : "enum: ['yes']");
		yaml_text(flag_rows[i].sentence);
		opening = "";
	}
}

static void print_responses(const struct command_row *o)
{
	const char *object = openapi_answer(o->method, o->path);

	if (strcmp(object, "handover") == 0) {
		printf("      responses:\n        '101':\n          description: |\n"
		       "            With `Upgrade: tenantd-exec` in the request. The client\n"
		       "            sends one byte and gets one with four descriptors\n"
		       "            (SCM_RIGHTS): input, output, error of the command, a channel\n"
		       "            on which one `wire_exec_end` tells its end. Closing it kills\n"
		       "            the command.\n");
		openapi_refer_failures();
		return;
	}
	printf("      responses:\n        '200':\n          description: Done.\n"
	       "          content:\n            ");
	if (strcmp(object, "plain") == 0)
		printf("text/plain: { schema: { type: string } }\n");
	else
		printf("application/json:\n              schema:\n                type: object\n"
		       "                required: [metadata, data]\n"
		       "                additionalProperties: false\n"
		       "                properties:\n"
		       "                  metadata: { $ref: '#/components/schemas/%s' }\n"
		       "                  data:\n                    anyOf:\n"
		       "                      - $ref: '#/components/schemas/%s'\n%s",
		       o->changes ? "ChangeMetadata" : "ReadMetadata", object,
		       command_takes(o, &flag_rows[FLAG_DRY_RUN]) ?
		       "                      - $ref: '#/components/schemas/dry_run'\n" : "");
	openapi_refer_failures();
}

static void print_operation(const struct command_row *o)
{
	printf("    ");
	for (const char *c = o->method; *c; c++)
		(void)putchar(*c | 0x20);
	printf(":\n      operationId: ");
	for (const char *c = o->word; *c; c++)
		(void)putchar(*c == ' ' || *c == '-' ? '_' : *c);
	printf("%s\n      summary: ", o->id >= COMMAND_IDS ? "_read" : "");
	yaml_text(o->sentence);
	print_parameters(o);
	if (strcmp(o->method, "POST") == 0 || strcmp(o->method, "PATCH") == 0)
		print_body(o);
	print_responses(o);
}

void print_openapi(void)
{
	printf("# Printed by schema/gen out of schema/*.def; `make golden` rewrites it.\n"
	       "openapi: 3.1.0\ninfo:\n  title: tenantd\n  version: '%s'\n  description: |\n"
	       "    HTTP/1.1 on the unix socket /run/tenantd/control.sock, for root and the\n"
	       "    group tenantadm. Every reply has one form: metadata and data. Unknown fields,\n"
	       "    doubled keys, wrong types and unknown arguments behind a question mark are\n"
	       "    refused; `field` of the error says where. A body says its length and has at\n"
	       "    most 64 KiB, the header at most 16 KiB. What is no HTTP, or far beyond these\n"
	       "    limits, gets a bare status of 400, 413, 414 or 431 without this form, and its\n"
	       "    connection is closed.\n"
	       "  license: { name: Apache-2.0, identifier: Apache-2.0 }\n"
	       "servers:\n  - { url: 'http://localhost', description: over the unix socket }\n"
	       "paths:\n", TENANTD_VERSION);
	for (int i = 0; i < ROUTE_IDS; i++) {
		const char *path = command_rows[i].path;

		if (!*path || is_told(i, path, NULL))
			continue;
		printf("  %s:\n", path);
		for (int k = i; k < ROUTE_IDS; k++)
			if (strcmp(command_rows[k].path, path) == 0 &&
			    !is_told(k, path, command_rows[k].method))
				print_operation(&command_rows[k]);
	}
	openapi_print_components();
}
