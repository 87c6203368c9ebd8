/* SPDX-License-Identifier: Apache-2.0 */
/* The components of openapi.yaml: objects, options, errors. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/errors.h"
#include "schema/gen/openapi.h"
#include "schema/options.h"
#include "schema/states.h"
#include "schema/wire.h"

enum presence { ALWAYS, SOMETIMES };

struct reply {
	const char *object;
	const char *name;	/* NULL: the object's own row */
	const char *type, *of;
	enum presence presence;
	const char *sentence;
};

static const struct reply replies[] = {
#define OBJECT(object, sentence) { #object, NULL, "", "", ALWAYS, sentence },
#define REPLY(object, name, type, of, presence, sentence) \
	{ #object, #name, #type, of, presence, sentence },
#define ANSWER(method, path, object)
#include "schema/replies.def"
#undef OBJECT
#undef REPLY
#undef ANSWER
};

static const struct {
	const char *method, *path, *object;
} answers[] = {
#define OBJECT(object, sentence)
#define REPLY(object, name, type, of, presence, sentence)
#define ANSWER(method, path, object) { method, path, #object },
#include "schema/replies.def"
#undef OBJECT
#undef REPLY
#undef ANSWER
};

/* Types of replies whose schema is always the same. */
static const struct {
	const char *type, *schema;
} types[] = {
	{ "TEXT", "type: string" },
	{ "TEXTS", "type: array, items: { type: string }" },
	{ "MAYBE_TEXT", "type: [string, 'null']" },
	{ "HOST", "$ref: '#/components/schemas/Host'" },
	{ "HOSTS", "type: array, items: { $ref: '#/components/schemas/Host' }" },
	{ "BOOL", "type: boolean" },
	{ "NUMBER", "type: integer, minimum: 0" },
	{ "MAYBE_NUMBER", "type: [integer, 'null'], minimum: 0" },
	{ "TIME", "type: [string, 'null'], format: date-time" },
	{ "TENANT_STATE", "$ref: '#/components/schemas/TenantState'" },
	{ "POOL_STATE", "$ref: '#/components/schemas/PoolState'" },
	{ "OPTIONS", "$ref: '#/components/schemas/OptionValues'" },
	{ "OPTION_NAMES", "type: array, items: { $ref: '#/components/schemas/OptionName' }" },
};

static void yaml_word(const char *s)
{
	(void)putchar('"');
	for (; *s; s++)
		printf("%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
	(void)putchar('"');
}

void yaml_text(const char *s)
{
	yaml_word(s);
	(void)putchar('\n');
}

const char *openapi_answer(const char *method, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (strcmp(answers[i].method, method) == 0 && strcmp(answers[i].path, path) == 0)
			return answers[i].object;
	(void)fprintf(stderr, "schema/replies.def: no ANSWER(\"%s\", \"%s\", ...)\n", method, path);
	exit(1);
}

static void print_type(const struct reply *r)
{
	const char *end = r->of;

	if (strcmp(r->type, "LIST") == 0) {
		printf("type: array, items: { $ref: '#/components/schemas/%s' }", r->of);
		return;
	}
	if (strcmp(r->type, "ONE") == 0) {
		printf("$ref: '#/components/schemas/%s'", r->of);
		return;
	}
	if (strcmp(r->type, "WORDS") == 0) {
		for (const char *at = r->of; *at; at = *end ? end + 1 : end) {
			end = at + strcspn(at, "|");
			printf("%s'%.*s'", at == r->of ? "enum: [" : ", ", (int)(end - at), at);
		}
		printf("]");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].type, r->type) == 0) {
			printf("%s", types[i].schema);
			return;
		}
	(void)fprintf(stderr, "schema/replies.def: %s.%s has no type that is known\n", r->object,
		      r->name);
	exit(1);
}

static void print_object(size_t at)
{
	const char *opening = "      required: [";

	printf("    %s:\n      description: ", replies[at].object);
	yaml_text(replies[at].sentence);
	printf("      type: object\n      additionalProperties: false\n");
	for (size_t i = at + 1; i < ARRAY_SIZE(replies) && replies[i].name; i++)
		if (replies[i].presence == ALWAYS) {
			printf("%s%s", opening, replies[i].name);
			opening = ", ";
		}
	printf("%s      properties:\n", *opening == ',' ? "]\n" : "");
	for (size_t i = at + 1; i < ARRAY_SIZE(replies) && replies[i].name; i++) {
		printf("        %s: { description: ", replies[i].name);
		yaml_word(replies[i].sentence);
		printf(", ");
		print_type(&replies[i]);
		printf(" }\n");
	}
}

static void print_words(const struct option_row *row)
{
	for (size_t i = 0; row->words[i]; i++)
		printf("%s%s", i ? ", " : "enum: [", row->words[i]);
}

/* An option as it is read back: always text, in its canonical form. */
static void print_value(const struct option_row *row)
{
	printf("type: string");
	if (row->type == OPTION_BOOL)
		printf(", enum: ['yes', 'no']");
	if (row->type == OPTION_ENUM) {
		printf(", ");
		print_words(row);
		printf("]");
	}
}

/* An option as it may be asked for: text, or what JSON has for it. */
static void print_wish(const struct option_row *row)
{
	printf("description: ");
	yaml_word(row->sentence);
	switch (row->type) {
	case OPTION_SIZE:
	case OPTION_COUNT:
	case OPTION_PERCENT:
	case OPTION_SECONDS:
		printf(", type: [string, integer, 'null'], minimum: %" PRIu64 ", maximum: %" PRIu64,
		       row->min, row->max);
		break;
	case OPTION_BOOL:
		printf(", type: [string, boolean, 'null']");
		break;
	case OPTION_ENUM:
		printf(", ");
		print_words(row);
		printf(", null]");
		break;
	case OPTION_SET:
	case OPTION_NAMES:
	case OPTION_KEYED:
		printf(", type: [string, 'null']");
		break;
	case OPTION_TEXT:
	case OPTION_URI:
	case OPTION_LINE:
	case OPTION_VERSION:
		printf(", type: [string, 'null'], minLength: %" PRIu64 ", maxLength: %" PRIu64,
		       row->min, row->max);
		break;
	}
}

/* Entries of KEYED options: any number, each with a name of its own. */
static void print_keyed(const char *before, const char *after)
{
	const char *between = "";

	printf("%s'^(", before);
	for (int i = 0; i < OPTION_IDS; i++)
		if (option_rows[i].type == OPTION_KEYED) {
			printf("%s%s", between, option_rows[i].name);
			between = "|";
		}
	printf(")\\.'%s\n", after);
}

static void print_option_names(const char *indent)
{
	for (int i = 0; i < OPTION_IDS; i++)
		if (option_rows[i].type != OPTION_KEYED)
			printf("%s- %s\n", indent, option_rows[i].name);
}

static void print_options(const char *name, void (*print)(const struct option_row *row))
{
	printf("    %s:\n      type: object\n      additionalProperties: false\n"
	       "      properties:\n", name);
	for (int i = 0; i < OPTION_IDS; i++)
		if (option_rows[i].type != OPTION_KEYED) {
			printf("        %s: { ", option_rows[i].name);
			print(&option_rows[i]);
			printf(" }\n");
		}
}

static void print_all_options(void)
{
	printf("    OptionName:\n      anyOf:\n");
	print_keyed("        - { type: string, pattern: ", " }");
	printf("        - enum:\n");
	print_option_names("            ");
	print_options("OptionValues", print_value);
	print_keyed("      patternProperties:\n        ", ": { type: string }");
	printf("      required:\n");
	print_option_names("        ");
	print_options("BodyOPTIONS", print_wish);
	print_keyed("      patternProperties:\n        ",
		    ": { type: [string, integer, boolean, 'null'] }");
}

static void print_states(void)
{
	printf("    TenantState:\n      enum: [");
	for (int i = 1; i < TENANT_STATES; i++)
		printf("%s%s", i > 1 ? ", " : "", tenant_state_word(i));
	printf("]\n    PoolState:\n      enum: [");
	for (int i = 1; i < POOL_STATES; i++)
		printf("%s, ", pool_state_word(i));
	printf("unknown, null]\n");
}

static void print_metadata(const char *name, const char *results, const char *command)
{
	printf("    %s:\n      type: object\n      additionalProperties: false\n"
	       "      required: [command, result, reason, version]\n      properties:\n"
	       "        command: { type: string%s }\n        result: { enum: [%s] }\n"
	       "        reason: { type: string }\n        version: { type: string }\n",
	       name, command, results);
}

/* Whether an earlier row has the same status. */
static int is_told(int i)
{
	for (int k = 0; k < i; k++)
		if (error_rows[k].http_status == error_rows[i].http_status)
			return 1;
	return 0;
}

void openapi_refer_failures(void)
{
	for (int i = 0; i < error_row_count; i++)
		if (!is_told(i))
			printf("        '%d': { $ref: '#/components/responses/Failed%d' }\n",
			       error_rows[i].http_status, error_rows[i].http_status);
}

static void print_failure(int status)
{
	const char *between = "";

	printf("    Failed%d:\n      description: |\n", status);
	for (int i = 0; i < error_row_count; i++)
		if (error_rows[i].http_status == status)
			printf("        %s: %s\n", error_rows[i].name, error_rows[i].sentence);
	printf("      content:\n        application/json:\n          schema:\n"
	       "            type: object\n            additionalProperties: false\n"
	       "            required: [metadata, data]\n            properties:\n"
	       "              metadata: { $ref: '#/components/schemas/FailureMetadata' }\n"
	       "              data:\n                type: object\n"
	       "                additionalProperties: false\n"
	       "                required: [code, field, sentence]\n                properties:\n"
	       "                  code: { enum: [");
	for (int i = 0; i < error_row_count; i++)
		if (error_rows[i].http_status == status) {
			printf("%s%s", between, error_rows[i].name);
			between = ", ";
		}
	printf("] }\n                  field: { type: string, description: "
	       "\"What in the request is wrong, or empty.\" }\n"
	       "                  sentence: { type: string, minLength: 1 }\n");
}

void openapi_print_components(void)
{
	printf("components:\n  responses:\n");
	for (int i = 0; i < error_row_count; i++)
		if (!is_told(i))
			print_failure(error_rows[i].http_status);
	printf("  schemas:\n");
	print_metadata("ReadMetadata", "done", ", minLength: 1");
	print_metadata("ChangeMetadata", "done, unchanged", ", minLength: 1");
	print_metadata("FailureMetadata", "failed", "");
	printf("    Host: { type: string, minLength: 3, maxLength: %d, "
	       "pattern: '^[a-z0-9.-]+$' }\n    BodyHOST: { type: string, minLength: 3 }\n"
	       "    BodyHOSTS:\n      type: array\n      maxItems: %d\n"
	       "      items: { $ref: '#/components/schemas/BodyHOST' }\n"
	       "    BodyWORD: { type: string, minLength: 1 }\n"
	       "    BodyTEXT: { type: string, maxLength: %d }\n"
	       "    BodyWORDS:\n      type: array\n      minItems: 1\n      maxItems: %d\n"
	       "      items: { type: string }\n", SITE_MAX - 1, ALIASES_MAX, REASON_MAX - 1,
	       EXEC_WORDS_MAX);
	print_states();
	print_all_options();
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
		if (!replies[i].name)
			print_object(i);
}
