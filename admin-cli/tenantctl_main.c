/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenantctl: the administrator's command.  An unprivileged client of the API
 * on tenantd's socket: it turns words into one request and one reply into
 * text and an exit status.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "admin-cli/advice.h"
#include "admin-cli/args.h"
#include "admin-cli/clean.h"
#include "admin-cli/complete.h"
#include "admin-cli/connection.h"
#include "admin-cli/exec.h"
#include "admin-cli/help.h"
#include "admin-cli/import.h"
#include "admin-cli/lines.h"
#include "admin-cli/reply.h"
#include "admin-cli/request.h"
#include "admin-cli/show.h"
#include "build_config.h"
#include "schema/errors.h"

/* Prints what was gathered; a reader that has gone is a failure too. */
static int print(struct text *t, int status)
{
	if (t->failed) {
		fprintf(stderr, "tenantctl: the output is too large\n");
		status = status ? status : 1;
	} else if (t->data && (fputs(t->data, stdout) == EOF || fflush(stdout) == EOF)) {
		perror("tenantctl: write");
		status = status ? status : 1;
	}
	text_free(t);
	return status;
}

static int print_error(const struct err *error, const struct args *a)
{
	struct text out = { 0 };

	text_add(&out, "tenantctl: ");
	clean_add(&out, error->text);
	text_add(&out, "\n");
	advice_add(&out, error->code, a);
	fputs(out.data ? out.data : "tenantctl: out of memory\n", stderr);
	text_free(&out);
	return error_row(error->code)->exit_status;
}

static int print_help(const struct args *a)
{
	struct text out = { 0 };

	if (a->flag[FLAG_VERSION])
		text_add(&out, "tenantctl %s\n", TENANTD_VERSION);
	else if (a->command)
		help_command(&out, a->command);
	else
		help_overview(&out, a->group);
	return print(&out, 0);
}

/* For the shells' completion: silent about what goes wrong. */
static int print_completion(int argc, char **argv)
{
	struct text out = { .limit = REPLY_MAX };

	complete_words(&out, argc, argv, complete_ask, NULL);
	return print(&out, 0);
}

/* Sends the command and reads the envelope that comes back.  1: the reply was no
 * envelope and has been printed as it came.  *out_status is what to end with, at least. */
static int exchange(const struct args *a, struct reply *out, int *out_status, struct err *err)
{
	const char *socket = connection_socket(a->flag[FLAG_SOCKET]);
	struct text path = { 0 };
	struct text answer = { .limit = REPLY_MAX };
	json_t *json = NULL;
	char *body = NULL;

	/* An empty name would make another resource of the path. */
	if (a->operand && !*a->operand)
		return err_set(err, ERR_BAD_NAME, "the name is empty");
	if (a->command->id == COMMAND_LOGS) {
		int printed = lines_print(a, socket, &answer, err);

		if (printed == 1)
			printed = reply_parse(out, answer.data ? answer.data : "", err);
		else if (printed == 0)
			printed = 1;
		text_free(&answer);
		return printed;
	}
	if (a->command->id == COMMAND_EXEC) {
		int ran = exec_run(a, socket, out_status, &answer, err);

		if (ran == 1)
			ran = reply_parse(out, answer.data ? answer.data : "", err);
		else if (ran == 0)
			ran = 1;
		text_free(&answer);
		return ran;
	}
	if (a->command->id == COMMAND_IMPORT_PHP_FPM)
		return import_run(a, socket, out, out_status, err);
	if (request_body(&json, a, err) < 0)
		return -1;
	if (json)
		body = json_dumps(json, JSON_COMPACT);
	request_path(&path, a);
	int rc = path.failed || (json && !body)
		 ? err_set(err, ERR_USAGE, "the arguments are too long")
		 : connection_request(socket, a->command->method, path.data, body, &answer, err);

	if (rc == 0)
		rc = reply_parse(out, answer.data ? answer.data : "", err);
	free(body);
	json_decref(json);
	text_free(&answer);
	text_free(&path);
	return rc;
}

static void add_dry(struct text *out, const struct args *a, const struct reply *r)
{
	show_list(out, r->data, SHOW_CHANGES, a->format);
	if (a->format == FORMAT_TABLE) {
		clean_add(out, r->reason);
		text_add(out, "\n");
	}
}

/* What came of a change, as pairs for scripts. */
static void add_outcome(struct text *out, const struct args *a, const struct reply *r)
{
	const json_t *site = json_object_get(r->data, "site");
	const json_t *url = json_object_get(r->data, "url");
	json_t *pairs = json_object();
	int rc = json_object_set_new(pairs, a->command->operand == OPERAND_PLAN ? "plan" : "site",
				     site ? json_deep_copy(site) : json_string(a->operand));

	rc |= json_object_set_new(pairs, "result",
				  json_string(r->is_unchanged ? "unchanged" : "done"));
	rc |= json_object_set_new(pairs, "reason", json_string(r->reason));
	if (url)
		rc |= json_object_set_new(pairs, "url", json_deep_copy(url));
	rc |= json_object_set_new(pairs, "differs", show_by_name(r->data, "wrong", "sentence"));
	rc |= json_object_set_new(pairs, "microseconds",
				  show_by_name(r->data, "steps", "microseconds"));
	out->failed |= rc != 0;
	show_object(out, pairs, a->format);
	json_decref(pairs);
}

static void add_done(struct text *out, const struct args *a, const struct reply *r)
{
	const char *site = json_string_value(json_object_get(r->data, "site"));
	const char *url = json_string_value(json_object_get(r->data, "url"));
	bool is_dry = json_is_true(json_object_get(r->data, "dry_run"));

	if (a->format != FORMAT_TABLE && (!is_dry || a->command->id == COMMAND_REPAIR)) {
		add_outcome(out, a, r);
		return;
	}
	if (a->command->id == COMMAND_REPAIR) {
		show_wrong(out, r->data);
		show_steps(out, r->data);
		clean_add(out, r->reason);
		text_add(out, "\n");
		return;
	}
	if (is_dry) {
		add_dry(out, a, r);
		return;
	}
	show_steps(out, r->data);
	clean_add(out, site ? site : a->operand);
	show_for_people(out, r->data);
	text_add(out, ": %s", a->command->word);
	text_add(out, r->is_unchanged ? ": unchanged\n" : ": done\n");
	/* Where it says more than that. */
	if (a->command->operand == OPERAND_PLAN || a->command->operand == OPERAND_REMOVED) {
		clean_add(out, r->reason);
		text_add(out, "\n");
	}
	if (a->command->id == COMMAND_ADD || a->command->id == COMMAND_RESTORE) {
		text_add(out, url ? "open " : "open http://");
		clean_add(out, url ? url : site ? site : a->operand);
		text_add(out, url ? "\n" : "/\n");
	}
}

/* What was looked at and found wrong is a failure for scripts, too. */
static int verdict(const struct reply *r)
{
	return json_integer_value(json_object_get(r->data, "failed")) > 0 ? 1 : 0;
}

static int print_reply(const struct args *a, const struct reply *r)
{
	struct text out = { .limit = REPLY_MAX };
	struct err error = { 0 };

	if (r->is_failed)
		reply_error(r, &error);
	if (a->format == FORMAT_JSON)
		reply_dump(&out, r);
	else if (r->is_failed && a->format == FORMAT_TABLE)
		show_steps(&out, r->data);
	else if (r->is_failed)
		;			/* standard error says it */
	else if (show_is_list(args_route(a)->id))
		show_list(&out, r->data, args_route(a)->id, a->format);
	else if (a->command->changes)
		add_done(&out, a, r);
	else
		show_object(&out, r->data, a->format);
	int status = print(&out, verdict(r));

	return r->is_failed ? print_error(&error, a) : status;
}

/* One command, one reply.  Returns the exit status. */
static int run(const struct args *a)
{
	struct reply reply = { 0 };
	struct err err = { 0 };
	struct err ignored = { 0 };
	int status = 0;
	int rc = exchange(a, &reply, &status, &err);

	if (rc > 0)
		return status;
	if (rc < 0 && (a->format != FORMAT_JSON ||
		       reply_from_error(&reply, a->command->word, &err, &ignored) < 0))
		return print_error(&err, a);
	int shown = print_reply(a, &reply);

	reply_done(&reply);
	return shown > status ? shown : status;
}

/* The command for each site, one after the other, so that other callers' changes
 * come in between.  The highest of the exit statuses. */
static int run_all(const struct args *a)
{
	struct args list = { .command = &command_rows[COMMAND_LIST],
			     .flag = { [FLAG_SOCKET] = a->flag[FLAG_SOCKET] } };
	struct args one = *a;
	struct reply sites = { 0 };
	struct err err = { 0 };
	size_t i = 0;
	json_t *site = NULL;
	int worst = 0;

	one.flag[FLAG_ALL] = NULL;
	if (exchange(&list, &sites, &worst, &err) < 0)
		return print_error(&err, a);
	if (sites.is_failed)
		worst = print_reply(&list, &sites);
	json_array_foreach(json_object_get(sites.data, "tenants"), i, site) {
		const char *state = json_string_value(json_object_get(site, "state"));

		/* Nothing of a suspended site runs that could be tried. */
		if (a->command->id == COMMAND_VERIFY && (!state || strcmp(state, "live") != 0))
			continue;
		one.operand = json_string_value(json_object_get(site, "site"));
		int status = one.operand ? run(&one) : 0;

		worst = status > worst ? status : worst;
	}
	reply_done(&sites);
	return worst;
}

int main(int argc, char **argv)
{
	struct args a = { 0 };
	struct err err = { 0 };

	setlocale(LC_ALL, "");
	if (argc > 1 && strcmp(argv[1], COMPLETE_WORD) == 0)
		return print_completion(argc - 2, argv + 2);
	if (args_parse(&a, argc - 1, argv + 1, &err) < 0) {
		args_guess(&a, argc - 1, argv + 1);
		return print_error(&err, &a);
	}
	if (a.flag[FLAG_HELP] || a.flag[FLAG_VERSION])
		return print_help(&a);
	return a.flag[FLAG_ALL] ? run_all(&a) : run(&a);
}
