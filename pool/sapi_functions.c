/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and settings that scripts expect of PHP-FPM. */
#include "pool/sapi.h"

#include <ext/standard/head.h>
#include <ext/standard/info.h>
#include <sys/socket.h>
#include <time.h>

#include "pool/clock.h"
#include "pool/front.h"

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_bool, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_array, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(returns_array_or_false, 0, 0, MAY_BE_ARRAY | MAY_BE_FALSE)
ZEND_END_ARG_INFO()

/* The client gets the answer now; the script goes on and nobody hears it. */
static PHP_FUNCTION(fastcgi_finish_request)
{
	ZEND_PARSE_PARAMETERS_NONE();
	if (!sapi_state.request || !sapi_state.request->answer->is_open)
		RETURN_FALSE;
	php_output_end_all();
	php_header();
	(void)answer_end(sapi_state.request->answer);
	/* nginx hands the last bytes on only when the connection ends, whatever the
	 * records say. */
	if (!sapi_state.request->front->keep)
		(void)shutdown(sapi_state.request->front->fd, SHUT_WR);
	RETURN_TRUE;
}

static PHP_FUNCTION(apache_request_headers)
{
	ZEND_PARSE_PARAMETERS_NONE();
	array_init(return_value);
	if (!sapi_state.request)
		return;
	for (uint32_t i = 0; i < sapi_state.request->params->count; i++) {
		const struct param *row = &sapi_state.request->params->row[i];

		if (row->value)
			sapi_add_request_header(row->name, row->name_size, row->value,
						(unsigned)strlen(row->value), return_value);
	}
}

static void add_process(zval *list, const struct score *s, uint64_t now)
{
	const struct runtime_request *own = sapi_state.request;
	bool is_busy = score_is_busy(atomic_load(&s->turn));
	uint64_t since = atomic_load(&s->since);
	int pid = atomic_load(&s->pid);
	zval row;

	array_init(&row);
	add_assoc_long(&row, "pid", pid);
	add_assoc_string(&row, "state", is_busy ? "Running" : "Idle");
	add_assoc_long(&row, "start-time", (zend_long)sapi_state.pool->board->started);
	add_assoc_long(&row, "start-since",
		       (zend_long)((now - sapi_state.pool->board->started_ms) / 1000));
	add_assoc_long(&row, "requests", (zend_long)atomic_load(&s->requests));
	add_assoc_long(&row, "request-duration", since < now ? (zend_long)(now - since) * 1000 : 0);
	if (own && pid == (int)getpid()) {
		const char *method = SG(request_info).request_method;
		const char *uri = SG(request_info).request_uri;
		const char *query = SG(request_info).query_string;
		const char *user = SG(request_info).auth_user;
		const char *script = SG(request_info).path_translated;

		add_assoc_string(&row, "request-method", method ? method : "-");
		add_assoc_string(&row, "request-uri", uri ? uri : "-");
		add_assoc_string(&row, "query-string", query ? query : "");
		add_assoc_long(&row, "request-length", SG(request_info).content_length);
		add_assoc_string(&row, "user", user ? user : "-");
		add_assoc_string(&row, "script", script ? script : "-");
	} else {
		/* Texts of other workers are not shared. */
		add_assoc_string(&row, "request-method", "-");
		add_assoc_string(&row, "request-uri", "-");
		add_assoc_string(&row, "query-string", "");
		add_assoc_long(&row, "request-length", 0);
		add_assoc_string(&row, "user", "-");
		add_assoc_string(&row, "script", "-");
	}
	add_assoc_double(&row, "last-request-cpu", 0);
	add_assoc_long(&row, "last-request-memory", 0);
	add_next_index_zval(list, &row);
}

static PHP_FUNCTION(fpm_get_status)
{
	const struct runtime_pool *pool = sapi_state.pool;
	uint64_t now = clock_ms();
	uint64_t accepted = 0;
	zend_long idle = 0;
	zend_long active = 0;
	zval processes;

	ZEND_PARSE_PARAMETERS_NONE();
	if (!pool)
		RETURN_FALSE;
	array_init(&processes);
	for (uint32_t i = 0; i < pool->board->slots; i++) {
		const struct score *s = &pool->board->slot[i];

		accepted += atomic_load(&s->requests);
		if (atomic_load(&s->pid) == 0)
			continue;
		if (score_is_busy(atomic_load(&s->turn)))
			active++;
		else
			idle++;
		add_process(&processes, s, now);
	}
	array_init(return_value);
	add_assoc_string(return_value, "pool", pool->spec->site);
	add_assoc_string(return_value, "process-manager",
			 option_rows[OPT_pm].words[pool->spec->options.pm]);
	add_assoc_long(return_value, "start-time", (zend_long)pool->board->started);
	add_assoc_long(return_value, "start-since",
		       (zend_long)((now - pool->board->started_ms) / 1000));
	add_assoc_long(return_value, "accepted-conn", (zend_long)accepted);
	add_assoc_long(return_value, "listen-queue", 0);
	add_assoc_long(return_value, "max-listen-queue", 0);
	add_assoc_long(return_value, "listen-queue-len", 0);
	add_assoc_long(return_value, "idle-processes", idle);
	add_assoc_long(return_value, "active-processes", active);
	add_assoc_long(return_value, "total-processes", idle + active);
	add_assoc_long(return_value, "max-active-processes", active);
	add_assoc_long(return_value, "max-children-reached", 0);
	add_assoc_long(return_value, "slow-requests", 0);
	add_assoc_zval(return_value, "procs", &processes);
}

static const zend_function_entry functions[] = {
	PHP_FE(fastcgi_finish_request, returns_bool)
	PHP_FE(apache_request_headers, returns_array)
	PHP_FALIAS(getallheaders, apache_request_headers, returns_array)
	PHP_FE(fpm_get_status, returns_array_or_false)
	PHP_FE_END
};

PHP_INI_BEGIN()
	STD_PHP_INI_BOOLEAN("cgi.fix_pathinfo", "1", PHP_INI_SYSTEM, OnUpdateBool, fix_pathinfo,
			    struct sapi_state, sapi_state)
	STD_PHP_INI_BOOLEAN("cgi.discard_path", "0", PHP_INI_SYSTEM, OnUpdateBool, discard_path,
			    struct sapi_state, sapi_state)
	STD_PHP_INI_BOOLEAN("fastcgi.logging", "1", PHP_INI_SYSTEM, OnUpdateBool, log_to_client,
			    struct sapi_state, sapi_state)
	STD_PHP_INI_ENTRY("fastcgi.error_header", NULL, PHP_INI_SYSTEM, OnUpdateString,
			  error_header, struct sapi_state, sapi_state)
PHP_INI_END()

static PHP_MINIT_FUNCTION(cgi)
{
	REGISTER_INI_ENTRIES();
	return SUCCESS;
}

static PHP_MINFO_FUNCTION(cgi)
{
	php_info_print_table_start();
	php_info_print_table_row(2, "php-fpm", "active");
	php_info_print_table_end();
	DISPLAY_INI_ENTRIES();
}

zend_module_entry sapi_functions_module = {
	STANDARD_MODULE_HEADER,
	"cgi-fcgi",		/* the name that applications look for */
	functions,
	PHP_MINIT(cgi),
	NULL,
	NULL,
	NULL,
	PHP_MINFO(cgi),
	PHP_VERSION,
	STANDARD_MODULE_PROPERTIES
};
