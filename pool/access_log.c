/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the access log. */
#include "pool/access_log.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "schema/access_format.h"
#include "schema/option_list.h"

struct line {
	char text[PIPE_BUF];	/* a pipe takes so much at once or not at all */
	size_t size;
};

static void add_text(struct line *l, const char *s, size_t size)
{
	if (size > sizeof(l->text) - 1 - l->size)
		size = sizeof(l->text) - 1 - l->size;
	for (size_t i = 0; i < size; i++)	/* what a visitor sent makes no line of its own */
		l->text[l->size++] = (unsigned char)s[i] < ' ' || s[i] == 0x7f ? '?' : s[i];
}

static void add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *fmt, ...)
{
	char text[64];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_text(l, text, strlen(text));
}

static void add_or_dash(struct line *l, const char *s)
{
	if (!s || !*s)
		s = "-";
	add_text(l, s, strlen(s));
}

static void add_parameter(struct line *l, const struct access_facts *f, const char *name)
{
	add_or_dash(l, params_get(f->params, name));
}

static void add_environment(struct line *l, const struct access_facts *f,
			    const struct access_part *p)
{
	char name[OPTION_TEXT_MAX];

	(void)snprintf(name, sizeof(name), "%.*s", (int)p->size, p->text);
	add_parameter(l, f, name);
}

static void add_header(struct line *l, const struct access_facts *f, const struct access_part *p)
{
	for (const char *at = f->headers; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (strncasecmp(at, p->text, p->size) != 0 || at[p->size] != ':')
			continue;
		at += p->size + 1;
		at += strspn(at, " ");
		add_text(l, at, strcspn(at, "\n"));
		return;
	}
	add_text(l, "-", 1);
}

static void add_time(struct line *l, const struct access_part *p, time_t at)
{
	char format[OPTION_TEXT_MAX] = "%d/%b/%Y:%H:%M:%S +0000";
	char text[256];
	struct tm tm = { 0 };

	if (p->size > 0)
		(void)snprintf(format, sizeof(format), "%.*s", (int)p->size, p->text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"	/* root's option, not a visitor's */
	if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), format, &tm) > 0)
		add_text(l, text, strlen(text));
#pragma GCC diagnostic pop
}

static void add_duration(struct line *l, const struct access_part *p, uint64_t us)
{
	if (p->size > 1 && strncmp(p->text, "mic", 3) == 0)
		add(l, "%llu", (unsigned long long)us);
	else if (p->size > 1 && p->text[0] == 'm')
		add(l, "%.3f", (double)us / 1e3);
	else
		add(l, "%.3f", (double)us / 1e6);
}

static void add_cpu(struct line *l, const struct access_part *p, const struct access_facts *f)
{
	uint64_t used = p->size > 0 && p->text[0] == 'u' ? f->user_us :
			p->size > 0 && p->text[0] == 's' ? f->system_us :
							   f->user_us + f->system_us;

	/* What the worker did just before the request counts as the request's. */
	if (used > f->took_us)
		used = f->took_us;
	add(l, "%.2f", f->took_us ? (double)used * 100 / (double)f->took_us : 0.0);
}

static void add_memory(struct line *l, const struct access_part *p, uint64_t bytes)
{
	uint64_t unit = p->size > 0 && p->text[0] == 'k' ? KIB :
			p->size > 0 && p->text[0] == 'm' ? MIB : 1;

	add(l, "%llu", (unsigned long long)(bytes / unit));
}

static void add_length(struct line *l, const struct access_facts *f)
{
	const char *length = params_get(f->params, "CONTENT_LENGTH");

	if (!length || !*length)
		length = "0";
	add_text(l, length, strlen(length));
}

static void add_uri(struct line *l, const struct access_facts *f)
{
	const char *uri = params_get(f->params, "SCRIPT_NAME");

	if (!uri || !*uri)
		uri = params_get(f->params, "REQUEST_URI");
	if (uri && *uri)
		add_text(l, uri, strcspn(uri, "?"));
	else
		add_text(l, "-", 1);
}

static void add_part(struct line *l, const struct access_part *p, const struct pool_spec *spec,
		     const struct access_facts *f)
{
	const char *query = params_get(f->params, "QUERY_STRING");
	time_t now = time(NULL);

	switch (p->letter) {
	case 0: add_text(l, p->text, p->size); return;
	case '%': add_text(l, "%", 1); return;
	case 'C': add_cpu(l, p, f); return;
	case 'd': add_duration(l, p, f->took_us); return;
	case 'e': add_environment(l, f, p); return;
	case 'f': add_parameter(l, f, "SCRIPT_FILENAME"); return;
	case 'l': add_length(l, f); return;
	case 'm': add_parameter(l, f, "REQUEST_METHOD"); return;
	case 'M': add_memory(l, p, f->memory); return;
	case 'n': add_or_dash(l, spec->site); return;
	case 'o': add_header(l, f, p); return;
	case 'p': add(l, "%d", (int)getpid()); return;
	case 'P': add(l, "%d", (int)getppid()); return;
	case 'q': add_text(l, query ? query : "", query ? strlen(query) : 0); return;
	case 'Q': add_text(l, "?", query && *query ? 1 : 0); return;
	case 'r': add_uri(l, f); return;
	case 'R': add_parameter(l, f, "REMOTE_ADDR"); return;
	case 's': add(l, "%d", f->status); return;
	case 't': add_time(l, p, now - (time_t)(f->took_us / 1000000)); return;
	case 'T': add_time(l, p, now); return;
	case 'u': add_parameter(l, f, "REMOTE_USER"); return;
	}
}

/* As PHP-FPM has it: what fails, or carries anything, is always told. */
static bool is_suppressed(const struct options *o, const struct access_facts *f)
{
	const char *uri = params_get(f->params, "SCRIPT_NAME");
	const char *method = params_get(f->params, "REQUEST_METHOD");
	const char *query = params_get(f->params, "QUERY_STRING");
	const char *length = params_get(f->params, "CONTENT_LENGTH");

	return uri && option_list_has(o->access_suppress_path, uri) && method &&
	       (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) &&
	       f->status >= 200 && f->status < 300 && (!query || !*query) &&
	       (!length || strtoll(length, NULL, 10) <= 0);
}

bool access_log_wants_headers(const struct options *o)
{
	return o->access_log && strstr(o->access_format, "}o");
}

void access_log_write(const struct pool_spec *spec, const struct access_facts *f)
{
	const char *at = spec->options.access_format;
	struct access_part part;
	struct line line;	/* large: not cleared for each request */

	if (!spec->options.access_log || is_suppressed(&spec->options, f))
		return;
	line.size = 0;
	while (access_format_next(&at, &part) > 0)
		add_part(&line, &part, spec, f);
	line.text[line.size++] = '\n';
	if (write(POOL_FD_ACCESS, line.text, line.size) < 0)
		return;		/* the pipe is full: this line is lost */
}
