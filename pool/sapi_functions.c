/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and settings that scripts expect of PHP-FPM. */
#include "pool/sapi.h"

#include <ext/standard/head.h>
#include <ext/standard/info.h>
#include <sys/socket.h>

#include "pool/front.h"

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_bool, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_array, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(returns_array_or_false, 0, 0, MAY_BE_ARRAY | MAY_BE_FALSE)
ZEND_END_ARG_INFO()

/* sapi_status.c */
PHP_FUNCTION(fpm_get_status);

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
	sapi_script_install();
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
