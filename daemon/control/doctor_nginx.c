/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nginx is and what its configuration says, as far as an unprivileged
 * reader sees it.  The text is the administrator's; it is searched, not judged:
 * nginx -t does that at every change.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "daemon/control/doctor.h"

#define VERSION_WAIT_MS 5000
#define FILE_SIZE_MAX (512 * 1024)
#define FILES_MAX 2000
#define DEPTH_MAX 8

/* ---- nginx -v ---- */

static pid_t start_version(const char *program, int output)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"-v", NULL };
	char *envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	if (posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO) != 0 ||
	    posix_spawn(&pid, program, &actions, NULL, argv, envp) != 0)
		pid = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

int doctor_nginx_version(const char *program, struct text *found)
{
	char line[128] = "";
	unsigned major = 0, minor = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		text_add(found, "no pipe: %s", strerror(errno));
		return 0;
	}
	pid_t pid = start_version(program, ends[1]);
	struct pollfd p = { .fd = ends[0], .events = POLLIN };

	(void)close(ends[1]);
	if (pid > 0) {
		if (poll(&p, 1, VERSION_WAIT_MS) > 0 &&
		    read(ends[0], line, sizeof(line) - 1) < 0)
			line[0] = '\0';
		(void)kill(pid, SIGKILL);	/* it has said all, or it never will */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(ends[0]);
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "nginx version: nginx/%u.%u", &major, &minor) != 2 || major > 999) {
		text_add(found, "'%s -v' does not tell a version", program);
		return 0;
	}
	text_add(found, "%s", strchr(line, '/') + 1);
	return (int)(major * 1000 + minor % 1000);
}

/* ---- default_server ---- */

struct scan {
	const char *conf, *ours;
	const char *listen;		/* our addresses, separated by commas */
	struct text *found;
	unsigned files, unread;
};

static void scan_pattern(struct scan *s, const char *pattern, int depth);

/* "80", "*:80", "0.0.0.0:80" and an address alone are written in one way. */
static void normalize(const char *word, size_t size, char out[64])
{
	uint64_t port = 0;

	if (str_format(out, 64, "%.*s", (int)size, word) < 0)
		return;
	if (str_number(out, UINT16_MAX, &port) == 0)
		(void)str_format(out, 64, "*:%u", (unsigned)port);
	else if (strncmp(out, "0.0.0.0:", 8) == 0)
		(void)str_format(out, 64, "*:%.*s", (int)size - 8, word + 8);
	else if (!strchr(out, ':') || out[size - 1] == ']')
		(void)str_format(out, 64, "%.*s:80", (int)size, word);
}

static bool is_ours(const struct scan *s, const char *address)
{
	char theirs[64], own[64];

	normalize(address, strcspn(address, " "), theirs);
	for (const char *at = s->listen; *at;) {
		at += strspn(at, ", ");
		size_t n = strcspn(at, ", ");

		normalize(at, n, own);
		if (n > 0 && own[0] && strcmp(own, theirs) == 0)
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

/* One directive, its words separated by single blanks. */
static void take_directive(struct scan *s, const char *path, char *words, int depth)
{
	static const char include[] = "include ";
	static const char listen[] = "listen ";

	if (strncmp(words, include, sizeof(include) - 1) == 0)
		scan_pattern(s, words + sizeof(include) - 1, depth + 1);
	else if (strncmp(words, listen, sizeof(listen) - 1) == 0 &&
		 strstr(words, " default_server") && is_ours(s, words + sizeof(listen) - 1))
		text_add(s->found, "%s%s (%.60s)", s->found->size ? "; " : "", path, words);
}

/* Cuts a file into directives: comments, quotes and blanks as nginx reads them,
 * far enough for two directives without quotes. */
static void scan_text(struct scan *s, const char *path, const char *text, int depth)
{
	char words[512];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '#') {
			text += strcspn(text, "\n");
			if (!*text)
				break;
		}
		if (strchr(";{}", *text)) {
			words[n] = '\0';
			take_directive(s, path, words, depth);
			n = 0;
		} else if (strchr(" \t\r\n", *text)) {
			if (n > 0 && words[n - 1] != ' ' && n + 1 < sizeof(words))
				words[n++] = ' ';
		} else if (n + 1 < sizeof(words) && !strchr("'\"", *text)) {
			words[n++] = *text;
		}
	}
}

static void scan_file(struct scan *s, const char *path, int depth)
{
	struct err err = { 0 };
	char *text = NULL;
	char real[PATH_MAX];	/* sites-enabled is made of links */

	if (strncmp(path, s->ours, strlen(s->ours)) == 0)
		return;
	if (++s->files > FILES_MAX || depth > DEPTH_MAX || !(text = malloc(FILE_SIZE_MAX + 1))) {
		s->unread++;
		return;
	}
	ssize_t size = realpath(path, real) ?
		       file_read(AT_FDCWD, real, text, FILE_SIZE_MAX, &err) : -1;

	if (size < 0) {
		s->unread++;
	} else {
		text[size] = '\0';
		scan_text(s, path, text, depth);
	}
	free(text);
}

static void scan_pattern(struct scan *s, const char *pattern, int depth)
{
	size_t folder = strrchr(s->conf, '/') ? (size_t)(strrchr(s->conf, '/') - s->conf) + 1 : 0;
	struct text whole = { 0 };
	glob_t found = { 0 };

	if (pattern[0] == '/')
		text_add(&whole, "%s", pattern);
	else
		text_add(&whole, "%.*s%s", (int)folder, s->conf, pattern);
	while (whole.size > 0 && whole.data[whole.size - 1] == ' ')
		whole.data[--whole.size] = '\0';
	if (!whole.failed && glob(whole.data, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			scan_file(s, found.gl_pathv[i], depth);
	globfree(&found);
	text_free(&whole);
}

void doctor_nginx_default(const char *conf, const char *ours, const char *listen,
			  struct text *found, unsigned *out_unread)
{
	struct scan s = { .conf = conf, .ours = ours, .listen = listen, .found = found };

	scan_file(&s, conf, 0);
	*out_unread = s.unread;
}
