/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-sendmail: /usr/sbin/sendmail of cages in which programs are allowed.  It
 * holds no privilege and opens nothing but the mail socket, so that what a script
 * does to its environment or libraries gains the script nothing: who sends is
 * what the kernel says of the caller.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "pool/mail_args.h"
#include "pool/mail_client.h"

static int refuse(int status, const char *text)
{
	(void)fprintf(stderr, "sendmail: %s\n", text);
	return status;
}

/* Copies standard input; a line "." ends it where it may.  1: whole, 0: refused,
 * -1: it could not be read. */
static int copy(struct mail_client *c, bool ends_at_dot)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size = 0;
	int rc = 1;

	while (rc > 0 && (size = getline(&line, &room, stdin)) > 0) {
		if (ends_at_dot && (strcmp(line, ".\n") == 0 || strcmp(line, ".\r\n") == 0))
			break;
		if (!mail_client_write(c, line, (size_t)size))
			rc = 0;
	}
	return ferror(stdin) ? -1 : rc;
}

int main(int argc, char **argv)
{
	struct mail_args args;
	struct mail_client client;
	struct mail_answer answer;
	struct err err = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	if (mail_args_parse(argc - 1, argv + 1, &args, &err) < 0)
		return refuse(EX_USAGE, err.text);
	if (mail_client_open(&client, &args, &err) < 0)
		return refuse(EX_TEMPFAIL, err.text);
	if (copy(&client, args.ends_at_dot) < 0) {
		mail_client_abandon(&client);
		return refuse(EX_IOERR, "cannot read the message from standard input");
	}
	mail_client_end(&client, &answer);
	return answer.result == MAIL_RESULT_SENT ? EX_OK :
	       refuse(mail_result_status(answer.result), answer.text);
}
