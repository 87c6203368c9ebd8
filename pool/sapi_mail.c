/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PHP's mail() and mb_send_mail() without a program: a worker may start none.
 *
 * Both hand what they have checked and put together to php_mail(), which writes
 * it to a pipe that popen(3) opened.  libphp and mbstring look both names up when
 * they are loaded, and find those of the program first.  So all of PHP's own
 * behaviour stays, whatever its version: arguments, headers, mail.log,
 * mail.add_x_header, mail.force_extra_parameters, the order of all that.  Only the
 * other end of the pipe is ours.
 */
#include "pool/sapi.h"

#include <dlfcn.h>
#include <errno.h>
#include <ext/standard/php_mail.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/str.h"
#include "pool/mail_args.h"
#include "pool/mail_client.h"
#include "schema/errors.h"

#define WORDS_MAX 64

#if PHP_VERSION_ID >= 80400
typedef bool php_mail_result;
#else
typedef int php_mail_result;
#endif

/* One at a time: PHP is one thread, and its error handlers, which are scripts,
 * run after the pipe is closed. */
static struct {
	bool is_wanted;			/* php_mail() is at work: the next popen() is for us */
	FILE *pipe;
	struct mail_client client;
	char why[MAIL_TEXT_MAX];	/* it was not sent; else empty */
} mail;

static ssize_t write_pipe(void *cookie, const char *data, size_t size)
{
	(void)cookie;
	/* Of a refused message the rest goes nowhere; the answer says why. */
	(void)mail_client_write(&mail.client, data, size);
	return (ssize_t)size;
}

static int refuse(const struct err *err)
{
	(void)str_format(mail.why, sizeof(mail.why), "%.*s", (int)sizeof(mail.why) - 1, err->text);
	return -1;
}

static int connect_pipe(const char *command)
{
	char text[MAIL_COMMAND_MAX];
	char *words[WORDS_MAX];
	struct mail_args args;
	struct err err = { 0 };

	if (sapi_state.pool->spec->options.mail != MAIL_ALLOW)
		(void)err_set(&err, ERR_POLICY, "this site's plan does not allow mail");
	else if (str_copy(text, sizeof(text), command) < 0)
		(void)err_set(&err, ERR_USAGE, "the additional parameters are too long");
	if (err.code)
		return refuse(&err);

	int count = mail_args_split(text, words, WORDS_MAX, &err);

	if (count < 0 || mail_args_parse(count - 1, words + 1, &args, &err) < 0 ||
	    mail_client_open(&mail.client, &args, &err) < 0)
		return refuse(&err);
	return 0;
}

/* sendmail_path may name another mailer where programs are allowed. */
static bool is_ours(const char *command)
{
	size_t size = strlen(MAIL_PROGRAM);

	return mail.is_wanted && strncmp(command, MAIL_PROGRAM, size) == 0 &&
	       (command[size] == ' ' || command[size] == '\0');
}

FILE *popen(const char *command, const char *type)
{
	static FILE *(*next)(const char *, const char *);
	const cookie_io_functions_t functions = { .write = write_pipe };

	if (!is_ours(command)) {
		if (!next)
			*(void **)&next = dlsym(RTLD_NEXT, "popen");
		return next(command, type);
	}
	mail.is_wanted = false;
	if (connect_pipe(command) < 0)
		return NULL;
	mail.pipe = fopencookie(NULL, "w", functions);
	if (!mail.pipe) {
		mail_client_abandon(&mail.client);
		return NULL;
	}
	(void)setvbuf(mail.pipe, NULL, _IOFBF, MAIL_PIECE_MAX);	/* or smaller pieces, no harm */
	errno = 0;
	return mail.pipe;
}

int pclose(FILE *stream)
{
	static int (*next)(FILE *);
	struct mail_answer answer;

	if (!mail.pipe || stream != mail.pipe) {
		if (!next)
			*(void **)&next = dlsym(RTLD_NEXT, "pclose");
		return next(stream);
	}
	mail.pipe = NULL;
	(void)fclose(stream);
	mail_client_end(&mail.client, &answer);
	if (answer.result == MAIL_RESULT_SENT)
		return 0;
	(void)str_copy(mail.why, sizeof(mail.why), answer.text);
	return W_EXITCODE(mail_result_status(answer.result), 0);
}

php_mail_result php_mail(const char *to, const char *subject, const char *message,
			 const char *headers, const char *extra_cmd)
{
	static php_mail_result (*next)(const char *, const char *, const char *, const char *,
				       const char *);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "php_mail");
	sapi_mail_reset();
	mail.is_wanted = true;
	php_mail_result is_sent = next(to, subject, message, headers, extra_cmd);

	mail.is_wanted = false;
	if (!is_sent && mail.why[0])
		php_error_docref(NULL, E_WARNING, "The message was not sent: %s", mail.why);
	return is_sent;
}

void sapi_mail_reset(void)
{
	mail.is_wanted = false;
	mail.why[0] = '\0';
	if (!mail.pipe)
		return;
	/* PHP gave the request up in the middle of it. */
	mail_client_abandon(&mail.client);
	mail.client.is_refused = true;
	(void)fclose(mail.pipe);
	mail.pipe = NULL;
}
