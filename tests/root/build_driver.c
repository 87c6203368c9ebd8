/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs tenant-build as the supervisor does, for tests.
 *
 *   build_driver PROGRAM RECORD VERB NUMBER SITE [alias=HOST]... [OPTION=VALUE]...
 *                [suspended=yes] [revision=N] [restore=N] [after=N] [raw.OPTION=N]
 *
 * RECORD is the settings record.  Each frame that comes back becomes one line
 * of `key=value`; the exit status is the program's, or 128 + its signal.
 * raw.OPTION sets an option's number without its range check: a sender that lies.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "schema/settings.h"
#include "schema/wire.h"

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(99);
}

static int verb_by_word(const char *word)
{
	for (int v = 1; v < 256; v++)
		if (wire_verb_word(v) && strcmp(wire_verb_word(v), word) == 0)
			return v;
	return (int)strtoul(word, NULL, 10);
}

static uint32_t base;	/* the staged tree to add to */

static void set_word(struct wire_tenant *t, uint32_t *after, char *word)
{
	char *value = strchr(word, '=');
	struct err err = { 0 };

	if (!value)
		die(word);
	*value++ = '\0';
	if (strcmp(word, "alias") == 0 && t->alias_count < ALIASES_MAX) {
		(void)snprintf(t->alias[t->alias_count++], SITE_MAX, "%s", value);
	} else if (strcmp(word, "suspended") == 0) {
		t->is_suspended = strcmp(value, "yes") == 0;
	} else if (strcmp(word, "revision") == 0) {
		t->revision = strtoull(value, NULL, 10);
	} else if (strcmp(word, "restore") == 0) {
		t->restore_number = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(word, "base") == 0) {
		base = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(word, "after") == 0) {
		*after = (uint32_t)strtoul(value, NULL, 10);
	} else if (strncmp(word, "raw.", 4) == 0 && option_by_name(word + 4)) {
		uint64_t number = strtoull(value, NULL, 10);

		memcpy((char *)&t->options + option_by_name(word + 4)->offset, &number,
		       sizeof(number));
	} else if (options_set(&t->options, word, value, &err) < 0) {
		fprintf(stderr, "%s: %s\n", word, err.text);
		exit(99);
	}
}

static void show(const unsigned char *frame, size_t size)
{
	struct wire_head h;
	const unsigned char *payload = frame + sizeof(h);

	memcpy(&h, frame, sizeof(h));
	if (h.flags & WIRE_STEP) {
		struct wire_step step;

		memcpy(&step, payload, sizeof(step));
		printf("step=%s code=%d us=%u text=%s\n", step.name, step.code,
		       step.microseconds, step.text);
		return;
	}
	printf("reply=%s code=%d number=%u nginx=%u more=%d", wire_verb_word(h.verb), h.code,
	       h.number, h.nginx_revision, (h.flags & WIRE_MORE) != 0);
	if (h.code != 0)
		printf(" text=%.*s", (int)(size - sizeof(h)), (const char *)payload);
	printf("\n");
	for (size_t at = 0; h.code == 0 && at + sizeof(struct wire_ledger_row) <= h.size;
	     at += sizeof(struct wire_ledger_row)) {
		struct wire_ledger_row row;

		memcpy(&row, payload + at, sizeof(row));
		printf("row=%u state=%u kept=%u site=%s\n", row.number, row.state,
		       row.is_home_kept, row.site);
	}
}

int main(int argc, char **argv)
{
	static unsigned char frame[WIRE_FRAME_MAX];
	static struct wire_tenant t;
	struct wire_page page = { 0 };
	struct wire_head h;
	struct settings s;
	struct err err = { 0 };
	int sock[2];
	int status = 0;

	if (argc < 6)
		return 99;
	int record = open(argv[2], O_RDONLY | O_CLOEXEC);

	if (record < 0 || settings_read(record, &s, &err) < 0)
		die(argv[2]);
	wire_head_init(&h, (uint16_t)verb_by_word(argv[3]), 77,
		       (uint32_t)strtoul(argv[4], NULL, 10));
	(void)snprintf(t.site, sizeof(t.site), "%s", argv[5]);
	options_default(&t.options);
	for (int i = 6; i < argc; i++)
		set_word(&t, &page.after, argv[i]);
	int size = wire_verb_size(h.verb);

	h.size = size > 0 ? (uint32_t)size : 0;
	h.nginx_revision = base;
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), size == sizeof(page) ? (void *)&page : (void *)&t, h.size);
	int job = fd_sealed("job", frame, sizeof(h) + h.size, &err);
	int settings = fd_sealed("settings", &s, sizeof(s), &err);

	if (job < 0 || settings < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		die("prepare");
	pid_t child = fork();

	if (child == 0) {
		int fds[] = { job, settings, sock[1] };

		if (fd_place(fds, 3, 3) < 0)
			_exit(98);
		(void)execl(argv[1], argv[1], (char *)NULL);
		_exit(98);
	}
	(void)close(sock[1]);
	for (ssize_t n; (n = recv(sock[0], frame, sizeof(frame), 0)) > 0;)
		show(frame, (size_t)n);
	if (waitpid(child, &status, 0) < 0)
		die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
