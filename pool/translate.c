/* SPDX-License-Identifier: Apache-2.0 */
/* The rules are PHP-FPM's, which applications and web servers' configurations
 * have come to rely on; the shape is ours: facts are gathered once in a struct,
 * and each rule is a function over it. */
#include "pool/translate.h"

#include <string.h>
#include <strings.h>

struct facts {
	struct params *params;
	char *script_filename, *path_translated, *path_info, *script_name;	/* as sent */
	char *document_root, *redirect_url;
	char *path;		/* the candidate for the script */
	char *name;		/* SCRIPT_NAME in effect */
	bool by_apache_proxy;
};

bool translate_is_plain(const char *path)
{
	const char *part = path;

	for (;;) {
		size_t size = strcspn(part, "/");

		if (size == 2 && part[0] == '.' && part[1] == '.')
			return false;
		if (part[size] == '\0')
			return true;
		part += size + 1;
	}
}

static void keep(struct facts *f, const char *orig_name, const char *value)
{
	if (value)
		(void)params_set(f->params, orig_name, value);
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Apache's mod_proxy_fcgi sends "proxy:fcgi://host:port/path?query". */
static bool strip_proxy(char *path)
{
	static const char *const schemes[] = { "proxy:fcgi://", "proxy:balancer://" };

	for (size_t i = 0; i < 2; i++) {
		char *slash = NULL;

		if (!has_prefix(path, schemes[i]))
			continue;
		slash = strchr(path + strlen(schemes[i]), '/');
		if (slash)
			memmove(path, slash, strlen(slash) + 1);
		path[strcspn(path, "?")] = '\0';
		return slash != NULL;
	}
	return false;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place; a NUL is left as it came. */
static void url_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high = *from == '%' ? hex(from[1]) : -1;
		int low = high >= 0 ? hex(from[2]) : -1;

		if (low >= 0 && (high | low) != 0) {
			*to++ = (char)(high << 4 | low);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static bool ends_with(const char *text, const char *tail)
{
	size_t size = strlen(text);
	size_t tail_size = strlen(tail);

	return size > tail_size && strcmp(text + size - tail_size, tail) == 0;
}

static void cut_tail(struct facts *f, char **uri, size_t tail_size)
{
	keep(f, "ORIG_SCRIPT_NAME", f->script_name);
	f->name[strlen(f->name) - tail_size] = '\0';
	*uri = params_set(f->params, "SCRIPT_NAME", f->name);
}

/* PATH_INFO lies behind the script's path, Apache sent it nowhere else, and with
 * ProxyPass it is at the end of SCRIPT_NAME too, where it may be decoded. */
static void take_apache_info(struct facts *f, const char *info, bool decodes, char **uri)
{
	char *decoded = params_set(f->params, "PATH_INFO", info);

	if (!decoded)
		return;
	url_decode(decoded);
	if (f->name && ends_with(f->name, info))
		cut_tail(f, uri, strlen(info));
	else if (f->name && ends_with(f->name, decoded))
		cut_tail(f, uri, strlen(decoded));
	if (!decodes || !f->name)
		(void)params_set(f->params, "PATH_INFO", info);
}

/* What came as PATH_INFO is, at least in part, the script's name. */
static void name_by_info(struct facts *f, char **uri)
{
	if (f->script_name && strcmp(f->script_name, f->path_info) == 0) {
		*uri = f->script_name;
		return;
	}
	keep(f, "ORIG_SCRIPT_NAME", f->script_name);
	*uri = params_set(f->params, "SCRIPT_NAME", f->path_info);
}

/* The server sent URL and script together as PATH_INFO: its last part is the
 * path info, the part before it the script's name. */
static void split_info(struct facts *f, char *info, char **uri)
{
	char first = info[0];

	keep(f, "ORIG_PATH_INFO", f->path_info);
	info[0] = '\0';
	name_by_info(f, uri);
	info[0] = first;
	(void)params_set(f->params, "PATH_INFO", info);
}

static void set_path_translated(struct facts *f, const char *base, size_t base_size)
{
	const char *info = params_get(f->params, "PATH_INFO");
	size_t info_size = info ? strlen(info) : 0;
	char *joined = params_room(f->params, base_size + info_size + 1);

	if (!joined)
		return;
	memcpy(joined, base, base_size);
	memcpy(joined + base_size, info ? info : "", info_size);
	joined[base_size + info_size] = '\0';
	keep(f, "ORIG_PATH_TRANSLATED", f->path_translated);
	(void)params_set(f->params, "PATH_TRANSLATED", joined);
}

/* SCRIPT is the regular file that a longer path begins with. */
static const char *found_script(struct facts *f, const struct translate_rules *rules, char *script,
				char **uri)
{
	size_t cut = strlen(f->path) - strlen(script);
	size_t sent = f->path_info ? strlen(f->path_info) : 0;
	const char *name = f->name;

	if (f->by_apache_proxy) {
		char *info = f->path + strlen(script);

		if (cut > 0 && f->path_info && strcmp(f->path_info, info) != 0) {
			keep(f, "ORIG_PATH_INFO", f->path_info);
			name_by_info(f, uri);
			(void)params_set(f->params, "PATH_INFO", info);
		} else if (cut > 0 && !f->path_info) {
			take_apache_info(f, info, rules->decode_info, uri);
		}
	} else if (f->path_info && sent > cut) {
		split_info(f, f->path_info + sent - cut, uri);
	}
	if (!f->script_filename || strcmp(f->script_filename, script) != 0) {
		keep(f, "ORIG_SCRIPT_FILENAME", f->script_filename);
		(void)params_set(f->params, "SCRIPT_FILENAME", script);
	}
	if (f->document_root) {
		size_t size = strlen(f->document_root);

		if (size > 0 && f->document_root[size - 1] == '/')
			size--;
		set_path_translated(f, f->document_root, size);
	} else if (name && strstr(script, name)) {
		set_path_translated(f, script, strlen(script) - strlen(name));
	}
	return params_get(f->params, "SCRIPT_FILENAME");
}

/* The path is no file: walks up until one is, and calls the rest path info. */
static const char *walk_up(struct facts *f, const struct translate_rules *rules, char **uri)
{
	size_t size = strlen(f->path);
	char *script = params_room(f->params, size + 1);
	char *slash = NULL;

	if (!script)
		return NULL;
	memcpy(script, f->path, size + 1);
	while ((slash = strrchr(script, '/'))) {
		*slash = '\0';
		if (rules->exists(script, true))
			return found_script(f, rules, script, uri);
	}
	keep(f, "ORIG_SCRIPT_FILENAME", f->script_filename);
	(void)params_set(f->params, "SCRIPT_FILENAME", NULL);
	return NULL;
}

static const char *found_at_once(struct facts *f)
{
	if (!f->script_filename || strcmp(f->path, f->script_filename) != 0) {
		keep(f, "ORIG_SCRIPT_FILENAME", f->script_filename);
		f->path = params_set(f->params, "SCRIPT_FILENAME", f->path);
	}
	if (!f->by_apache_proxy && f->redirect_url) {
		if (f->path_info) {
			keep(f, "ORIG_PATH_INFO", f->path_info);
			(void)params_set(f->params, "PATH_INFO", NULL);
		}
		if (f->path_translated) {
			keep(f, "ORIG_PATH_TRANSLATED", f->path_translated);
			(void)params_set(f->params, "PATH_TRANSLATED", NULL);
		}
	}
	return f->path;
}

static const char *fix_pathinfo(struct facts *f, const struct translate_rules *rules, char **uri)
{
	const char *script = NULL;
	bool is_other_name = false;
	size_t size = 0;

	/* Apache's Action: script and name are those of an interpreter. */
	if (!f->by_apache_proxy && f->path_translated && f->redirect_url &&
	    strcmp(f->path_translated, f->path) != 0) {
		f->path = f->path_translated;
		f->name = f->redirect_url;
	}
	is_other_name = f->name != f->script_name;
	size = strlen(f->path);
	if (size > 0 && (f->path[size - 1] == '/' || !rules->exists(f->path, false))) {
		script = walk_up(f, rules, uri);
		is_other_name = f->name &&
				(!f->script_name || strcmp(f->name, f->script_name) != 0);
	} else {
		script = found_at_once(f);
	}
	if (*uri)
		return script;
	*uri = f->script_name;
	if (is_other_name) {
		keep(f, "ORIG_SCRIPT_NAME", f->script_name);
		*uri = params_set(f->params, "SCRIPT_NAME", f->name);
	}
	return script;
}

struct translation translate(struct params *p, const struct translate_rules *rules)
{
	struct translation out = { 0 };
	struct facts f = {
		.params = p,
		.script_filename = params_get(p, "SCRIPT_FILENAME"),
		.path_translated = params_get(p, "PATH_TRANSLATED"),
		.path_info = params_get(p, "PATH_INFO"),
		.script_name = params_get(p, "SCRIPT_NAME"),
		.document_root = params_get(p, "DOCUMENT_ROOT"),
		.redirect_url = params_get(p, "REDIRECT_URL"),
	};

	f.path = f.script_filename ? f.script_filename : f.path_translated;
	f.name = f.script_name;
	if (f.script_filename)
		f.by_apache_proxy = strip_proxy(f.script_filename);
	if (!f.path)
		return out;
	if (rules->fix_pathinfo) {
		out.script = fix_pathinfo(&f, rules, &out.uri);
		out.is_missing = !out.script;
	} else {
		out.uri = f.path_info ? f.path_info : f.script_name;
		out.script = !rules->discard_path && f.path_translated ? f.path_translated : f.path;
	}
	if (out.script && !translate_is_plain(out.script))
		out.script = NULL;
	return out;
}
