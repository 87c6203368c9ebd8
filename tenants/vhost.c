/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering of virtual hosts for nginx 1.22 and later. */
#include "tenants/vhost.h"

#include <string.h>

#include "base/mutant.h"

#include "schema/reasons.h"
#include "tenants/base_tree.h"

#define HEADER "# Written by tenant-build; changes made here are lost.\n"
#define NAMES "\tserver_name "
#define PAGE(title, words) \
	"'<!doctype html><title>" title "</title><p>" words "</p>\\n'"

/* Everything is said here and nothing taken from the distribution's
 * fastcgi_params: its HTTP_HOST has lost the port in some versions, and a name
 * that is sent twice means different things to different FastCGI servers. */
static const struct {
	const char *name;
	const char *value;
} params[] = {
	{ "GATEWAY_INTERFACE", "CGI/1.1" },
	{ "SERVER_SOFTWARE", "nginx" },
	{ "SERVER_PROTOCOL", "$server_protocol" },
	{ "SERVER_NAME", "$server_name" },
	{ "SERVER_ADDR", "$server_addr" },
	{ "SERVER_PORT", "$server_port" },
	{ "REMOTE_ADDR", "$remote_addr" },
	{ "REMOTE_PORT", "$remote_port" },
	{ "REMOTE_USER", "$remote_user" },
	{ "REQUEST_METHOD", "$request_method" },
	{ "REQUEST_SCHEME", "$scheme" },
	{ "REQUEST_URI", "$request_uri" },
	{ "QUERY_STRING", "$query_string" },
	{ "CONTENT_TYPE", "$content_type" },
	{ "CONTENT_LENGTH", "$content_length" },
	{ "DOCUMENT_ROOT", "$document_root" },
	{ "DOCUMENT_URI", "$fastcgi_script_name$tenantd_path_info" },
	/* Not $realpath_root: nginx would resolve what the tenant may swap. */
	{ "SCRIPT_FILENAME", "$document_root$fastcgi_script_name" },
	{ "SCRIPT_NAME", "$fastcgi_script_name" },
	{ "PATH_INFO", "$tenantd_path_info" },
	{ "REDIRECT_STATUS", "200" },
	{ "HTTP_HOST", "$http_host" },	/* with the port, as the visitor asked */
	{ "REQUEST_ID", "$request_id" },
	{ "TENANTD_ARRIVED", "$msec" },	/* the pool's; scripts do not see it */
	{ "HTTP_PROXY", "''" },		/* a header Proxy: is no proxy setting (httpoxy) */
};

/* A line for each part of a comma-separated setting. */
static void add_words(const char *words, const char *before, const char *after,
		      struct text *out)
{
	for (const char *p = words; *p;) {
		size_t n = strcspn(p, ",");
		size_t blanks = strspn(p, " ");
		size_t end = n;

		while (end > blanks && p[end - 1] == ' ')
			end--;
		if (end > blanks)
			text_add(out, "%s%.*s%s;\n", before, (int)(end - blanks), p + blanks,
				 after);
		p += n + (p[n] == ',');
	}
}

static void add_listen(const struct settings *s, const char *flags, struct text *out)
{
	add_words(s->nginx_listen, "\tlisten ", flags, out);
}

static void add_names(uint32_t number, const struct wire_tenant *t, struct text *out)
{
	if (mutant_is_off("own-names")) {	/* as if one server answered for all */
		text_add(out, "\tserver_name %s;\n", number == 1 ? "~." : "none.invalid");
		return;
	}
	text_add(out, NAMES "%s", t->site);
	for (uint32_t i = 0; i < t->alias_count; i++)
		text_add(out, "\n\t\t%s", t->alias[i]);
	text_add(out, ";\n");
}

static void add_logs(const struct settings *s, struct text *out)
{
	text_add(out, "\taccess_log %s/access.log tenantd;\n", s->log_dir);
	/* crit: what pools write to FastCGI's stderr is logged at `error`, and a
	 * tenant could fill the disk with it, outside every quota. */
	text_add(out, "\terror_log %s/nginx.log %s;\n", s->log_dir,
		 mutant_text("error-log-level", "crit", "error"));
}

static void add_limits(const struct options *o, struct text *out)
{
	unsigned long long body = (o->upload_max + MIB - 1) / MIB + 1;

	text_add(out, "\tclient_max_body_size %llum;\n", mutant_is_off("body-size") ? 0 : body);
	/* 16k: what `tenantd_upload` does not count must fit. */
	text_add(out, "\tclient_body_buffer_size 16k;\n"
		      "\tclient_body_timeout 30s;\n"
		      "\tclient_header_timeout 30s;\n"
		      "\tsend_timeout 60s;\n");
	text_add(out, "\tlimit_conn tenantd_site %llu;\n",
		 mutant_is_off("limit-conn") ? 65535 : (unsigned long long)o->max_connections);
	/* Each may fill upload_max of the disk before PHP sees a byte of it. */
	text_add(out, "\tlimit_conn tenantd_upload %llu;\n",
		 mutant_is_off("limit-uploads") ? 65535 : (unsigned long long)o->max_uploads);
	text_add(out, "\tlimit_conn_status 508;\n");
}

static void add_error_pages(struct text *out)
{
	/* 502: no pool accepts, or its queue is full; 504: it did not answer. */
	text_add(out,
		 "\terror_page 502 504 =503 @tenantd_page;\n"
		 "\terror_page 508 =508 @tenantd_page;\n"
		 "\tlocation @tenantd_page {\n"
		 "\t\tdefault_type text/html;\n"
		 "\t\tadd_header Retry-After 10 always;\n"
		 "\t\treturn 200 $tenantd_page;\t# with the status of error_page\n"
		 "\t}\n");
}

static void add_php(const struct settings *s, uint32_t number, const struct options *o,
		    struct text *out)
{
	unsigned long long wait = o->request_terminate_timeout + VHOST_GATEWAY_GRACE_S;

	text_add(out,
		 "\tlocation ~ \\.php(?:/|$) {\n"
		 "\t\tfastcgi_split_path_info ^(.+?\\.php)(/.*|)$;\n"
		 "\t\tset $tenantd_path_info $fastcgi_path_info;\t# try_files empties it\n"
		 "\t\ttry_files $fastcgi_script_name =404;\n");
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		text_add(out, "\t\tfastcgi_param %s %s;\n", params[i].name, params[i].value);
	text_add(out, "\t\tfastcgi_param HTTPS $https if_not_empty;\n");
	text_add(out, "\t\tfastcgi_pass unix:%s/pool/%u/php.sock;\n", s->run_dir, number);
	text_add(out, "\t\tfastcgi_read_timeout %llus;\n", wait);
	text_add(out,
		 "\t\tfastcgi_connect_timeout 5s;\n"
		 "\t\tfastcgi_send_timeout 60s;\n"
		 "\t\tfastcgi_buffer_size 32k;\n"
		 "\t\tfastcgi_buffers 16 16k;\n"
		 /* One response nobody reads filled 582 MiB of temporary files. */
		 "%s"
		 "\t\tfastcgi_keep_conn off;\n"
		 "\t\tfastcgi_next_upstream off;\n"
		 "\t\tfastcgi_intercept_errors off;\n"
		 /* A page does not steer nginx: no internal redirects, no rate. */
		 "%s"
		 "\t}\n",
		 mutant_text("fastcgi-temp", "\t\tfastcgi_max_temp_file_size 0;\n", ""),
		 mutant_text("steering",
			     "\t\tfastcgi_ignore_headers X-Accel-Redirect X-Accel-Expires "
			     "X-Accel-Limit-Rate\n\t\t\tX-Accel-Buffering X-Accel-Charset;\n", ""));
}

/* What is refused, in one location: each costs nginx memory, and time at every reload.  It
 * comes before PHP's, so the endings leave to that what it takes. */
static void add_refused(struct text *out)
{
	const char *dot_files = mutant_text("dot-files", "/\\.(?!well-known(?:/|$))", "");
	const char *endings = mutant_text("php-endings",
		"^(?!.*\\.php(?:/|$)).*\\.(?i:php[0-9]?|phps|pht|phtml)(?:/|$)", "");

	if (*dot_files || *endings)
		text_add(out, "\t# .git, .env, .htaccess; scripts that would be sent as text\n"
			      "\tlocation ~ (?s)%s%s%s {\n\t\treturn 403;\n\t}\n", dot_files,
			 *dot_files && *endings ? "|" : "", endings);
}

/* From tenant-control, not from the pool, which may be full or cold.  A location of
 * an exact address comes before all others. */
static void add_status(const struct settings *s, const struct wire_tenant *t, struct text *out)
{
	const struct {
		const char *at, *page;
	} pages[] = { { t->options.status_path, "status" }, { t->options.ping_path, "ping" } };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!*pages[i].at)
			continue;
		text_add(out, "\tlocation = %s {\n", pages[i].at);
		add_words(s->status_allow, "\t\tallow ", "", out);
		text_add(out, "\t\tdeny all;\n\t\tlimit_except GET { deny all; }\n"
			      "\t\taccess_log off;\n"
			      /* A site that is full can be looked at. */
			      "\t\tlimit_conn tenantd_site 65535;\n"
			      /* It is read although it is not passed on. */
			      "\t\tclient_max_body_size 1k;\n");
		text_add(out, "\t\tproxy_pass http://unix:%s/" VHOST_STATUS_SOCKET ":/%s/%s;\n",
			 s->run_dir, pages[i].page, t->site);
		text_add(out, "\t\tproxy_pass_request_headers off;\n"
			      "\t\tproxy_pass_request_body off;\n"
			      "\t\tproxy_read_timeout 10s;\n\t}\n");
	}
}

static void add_site(const struct settings *s, uint32_t number, const struct wire_tenant *t,
		     struct text *out)
{
	text_add(out, "\troot %s/%s/%s;\n", s->home_dir, t->site,
		 mutant_text("document-root", t->options.document_root, ""));
	text_add(out, "\tindex index.php index.html index.htm;\n"
		      "\tautoindex off;\n");
	/* From the homes' root: a tenant may put a link in place of its folders. */
	if (!mutant_is_off("disable-symlinks"))
		text_add(out, "\tdisable_symlinks if_not_owner from=%s;\n",
			 mutant_text("symlinks-from", s->home_dir, "$document_root"));
	/* Not the folder of all, which one site could fill. */
	if (!mutant_is_off("upload-folders"))
		text_add(out, "\tclient_body_temp_path %s/" NGINX_DIR "/" NGINX_UPLOADS "/%u;\n",
			 s->state_dir, number);
	add_limits(&t->options, out);
	add_error_pages(out);
	add_status(s, t, out);
	text_add(out, "\ttry_files $uri $uri/ /index.php?$args;\n");	/* where no location is */
	add_refused(out);
	add_php(s, number, &t->options, out);
}

/* What an administrator wrote as reason is not for visitors. */
static void add_suspended(uint32_t reason_class, struct text *out)
{
	const struct reason_row *row = reason_row(reason_class);

	if (!row)
		row = &reason_rows[REASON_GENERAL];
	text_add(out,
		 "\tlocation / {\n"
		 "\t\tdefault_type text/html;\n"
		 "\t\tadd_header Retry-After %d always;\n"
		 "\t\treturn 503 " PAGE("503 Service Unavailable", "%s") ";\n"
		 "\t}\n", row->retry_after_s, row->visitors);
}

void vhost_render(const struct settings *s, uint32_t number, const struct wire_tenant *t,
		  struct text *out)
{
	text_add(out, HEADER "server {\n");
	add_listen(s, "", out);
	add_names(number, t, out);
	text_add(out, "\tserver_tokens off;\n");
	add_logs(s, out);
	if (t->is_suspended)
		add_suspended(t->reason_class, out);
	else
		add_site(s, number, t, out);
	text_add(out, "}\n");
}

bool vhost_answers(const char *text, const char *host)
{
	static const char blanks[] = " \t\n";
	const char *name = strstr(text, NAMES);
	size_t size = strlen(host);

	for (name = name ? name + strlen(NAMES) : ""; *name && *name != ';';) {
		size_t n = strcspn(name, " \t\n;");

		if (n == size && memcmp(name, host, n) == 0)
			return true;
		name += n + strspn(name + n, blanks);
	}
	return false;
}

/* Without it visitors of unknown names would be served the first site. */
static void add_default(const struct settings *s, struct text *out)
{
	text_add(out, "server {\n");
	add_listen(s, " default_server", out);
	text_add(out, "\tserver_name _;\n"
		      "\tserver_tokens off;\n");
	add_logs(s, out);
	text_add(out, "\treturn 444;\t# no site of this machine: closed without an answer\n"
		      "}\n");
}

void vhost_render_shared(const struct settings *s, uint32_t revision, struct text *out)
{
	text_add(out, HEADER
		 "log_format tenantd '$server_name $remote_addr - $remote_user [$time_local] '\n"
		 "\t'\"$request\" $status $body_bytes_sent \"$http_referer\" '\n"
		 "\t'\"$http_user_agent\" $request_time';\n"
		 "limit_conn_zone $server_name zone=tenantd_site:10m;\n"
		 "limit_conn_zone $tenantd_upload zone=tenantd_upload:10m;\n"
		 /* Bodies that nginx may write to disk.  Shorter ones stay in its buffer of
		  * client_body_buffer_size. */
		 "map \"$request_method:$http_transfer_encoding:$http_content_length\" "
		 "$tenantd_upload {\n"
		 "\tdefault $server_name;\n"
		 "\t\"~^(?:GET|HEAD|OPTIONS)::$\" \"\";\n"
		 "\t\"~^[A-Z]+::[0-9]{1,4}$\" \"\";\n"
		 "}\n"
		 /* Said once, not in each site. */
		 "map $status $tenantd_page {\n"
		 "\tdefault " PAGE("503 Service Unavailable",
			"The site cannot answer at the moment. Please try again in a few seconds.")
		 ";\n\t508 " PAGE("508 Resource Limit Is Reached",
			"The site has as many visitors as it may serve at the same time.")
		 ";\n}\n"
		 /* Names of up to 253 octets, and thousands of them. */
		 "server_names_hash_bucket_size 512;\n"
		 "server_names_hash_max_size 16384;\n");
	if (!mutant_is_off("default-server"))
		add_default(s, out);
	text_add(out, "server {\n"
		      "\tlisten unix:%s/" VHOST_SOCKET ";\n"
		      "\tserver_name tenantd.invalid;\n"
		      "\taccess_log off;\n", s->run_dir);
	text_add(out, "\terror_log %s/nginx.log crit;\n", s->log_dir);
	text_add(out, "\tdefault_type text/plain;\n"
		      "\treturn 200 %u;\n"
		      "}\n", revision);
}
