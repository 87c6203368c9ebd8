/* SPDX-License-Identifier: Apache-2.0 */
/* What PHP learns of a request: request_info, $_SERVER, $_ENV, getenv(). */
#include "pool/sapi.h"

#include <fastcgi.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mutant.h"
#include "pool/translate.h"

static void (*import_environment)(zval *array);

static const char *const roles[] = {
	[FCGI_RESPONDER] = "RESPONDER",
	[FCGI_AUTHORIZER] = "AUTHORIZER",
	[FCGI_FILTER] = "FILTER",
};

/* Parameters that would change PHP's settings per request, which PHP-FPM takes
 * from whoever reaches the socket, and the one that poisons HTTP clients
 * (httpoxy). */
static void drop_dangerous(struct params *params)
{
	static const char *const names[] = { "PHP_VALUE", "PHP_ADMIN_VALUE", "HTTP_PROXY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!mutant_is_off("request-settings"))
			(void)params_set(params, names[i], NULL);
}

static zend_long length_of(const char *text)
{
	long long n = text ? strtoll(text, NULL, 10) : 0;

	return n > 0 ? (zend_long)n : 0;
}

/* Sent on as it came, by a web server that does not wait for the whole body
 * (nginx's fastcgi_request_buffering off).  Any other request without CONTENT_LENGTH
 * has no body (RFC 3875, 4.1.2), and a script that reads it waits for none. */
static bool is_chunked(const struct params *params)
{
	const char *length = params_get(params, "CONTENT_LENGTH");
	const char *coding = params_get(params, "HTTP_TRANSFER_ENCODING");

	return (!length || !*length) && coding && strcasecmp(coding, "chunked") == 0;
}

/* With PHP's own doc_root, scripts are named by their URL. */
static char *primary_script(const struct translation *t)
{
	char *path = NULL;
	size_t root = 0;

	if (!t->uri || !PG(doc_root) || PG(doc_root)[0] != '/')
		return estrdup(t->script);
	root = strlen(PG(doc_root));
	while (root > 0 && PG(doc_root)[root - 1] == '/')
		root--;
	(void)spprintf(&path, 0, "%.*s%s%s", (int)root, PG(doc_root), *t->uri == '/' ? "" : "/",
		       t->uri);
	return path;
}

void sapi_server_prepare(struct params *params)
{
	const struct translate_rules rules = {
		.fix_pathinfo = sapi_state.fix_pathinfo,
		.discard_path = sapi_state.discard_path,
		.exists = sapi_script_exists,
		.decode_info = PHP_VERSION_ID >= 80300,	/* 8.2 has it as it came, 8.4 decoded */
	};
	struct translation t;
	const char *type = NULL;

	drop_dangerous(params);
	sapi_state.is_chunked = is_chunked(params);
	/* PHP's own doc_root stands in for one that was not sent. */
	if (rules.fix_pathinfo && PG(doc_root) && *PG(doc_root) &&
	    !params_get(params, "DOCUMENT_ROOT"))
		(void)params_set(params, "DOCUMENT_ROOT", PG(doc_root));
	(void)params_set(params, "FCGI_ROLE", roles[sapi_state.request->front->role]);
	t = translate(params, &rules);
	type = params_get(params, "CONTENT_TYPE");
	SG(request_info).request_method = params_get(params, "REQUEST_METHOD");
	SG(request_info).query_string = params_get(params, "QUERY_STRING");
	SG(request_info).content_type = type ? type : "";
	SG(request_info).content_length = length_of(params_get(params, "CONTENT_LENGTH"));
	SG(request_info).request_uri = t.uri;
	SG(request_info).path_translated = t.script ? primary_script(&t) : NULL;
	SG(request_info).proto_num = 1000;
	SG(sapi_headers).http_response_code = t.is_missing ? 404 : 200;
	(void)php_handle_auth_data(params_get(params, "HTTP_AUTHORIZATION"));
}

char *sapi_server_getenv(const char *name, size_t name_size)
{
	(void)name_size;
	return sapi_state.request ? params_get(sapi_state.request->params, name) : NULL;
}

char *sapi_server_cookies(void)
{
	return sapi_server_getenv("HTTP_COOKIE", 0);
}

static void register_text(const char *name, char *value, zval *array)
{
	bool is_env = Z_TYPE(PG(http_globals)[TRACK_VARS_ENV]) == IS_ARRAY &&
		      Z_ARR_P(array) == Z_ARR(PG(http_globals)[TRACK_VARS_ENV]);
	size_t size = 0;

	if (sapi_module.input_filter(is_env ? PARSE_ENV : PARSE_SERVER, name, &value,
				     strlen(value), &size))
		php_register_variable_safe(name, value, size, array);
}

static void register_raw(const char *name, char *value, zval *array)
{
	php_register_variable_safe(name, value, strlen(value), array);
}

static void each_parameter(void (*put)(const char *, char *, zval *), zval *array)
{
	const struct params *p = sapi_state.request ? sapi_state.request->params : NULL;

	for (uint32_t i = 0; p && i < p->count; i++)
		if (p->row[i].value)
			put(p->row[i].name, p->row[i].value, array);
}

static void import_parameters(zval *array)
{
	import_environment(array);
	each_parameter(register_text, array);
}

/* For getenv(): a filter of ext/filter would put them into $_SERVER instead. */
static void load_parameters(zval *array)
{
	import_environment(array);
	each_parameter(register_raw, array);
}

void sapi_server_register(zval *array)
{
	const char *uri = SG(request_info).request_uri;
	const char *info = sapi_state.fix_pathinfo ? sapi_server_getenv("PATH_INFO", 0) : NULL;
	char *self = NULL;

	php_import_environment_variables(array);
	spprintf(&self, 0, "%s%s", uri ? uri : "", info ? info : "");
	register_text("PHP_SELF", self, array);
	efree(self);
}

/* $_ENV and getenv() without a name show the parameters too, as with PHP-FPM. */
void sapi_server_install(void)
{
	import_environment = php_import_environment_variables;
	php_import_environment_variables = import_parameters;
	php_load_environment_variables = load_parameters;
}
