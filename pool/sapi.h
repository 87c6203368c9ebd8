/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that see PHP's headers share.  Nobody else includes this. */
#ifndef POOL_SAPI_H
#define POOL_SAPI_H

#include <limits.h>
#include <sys/stat.h>

/* PHP's headers are not clean under our warnings and come as system headers. */
#include <php.h>
#include <SAPI.h>
#include <php_main.h>
#include <php_ini.h>
#include <php_variables.h>

#include "pool/runtime.h"
#include "schema/option_list.h"

struct sapi_state {
	const struct runtime_pool *pool;
	struct runtime_request *request;	/* NULL between requests */
	bool is_chunked;			/* the body ends with its stream */
	bool errors_begun;			/* STDERR has a message: the next needs "; " */
	bool fix_pathinfo, discard_path, log_to_client;	/* ini: cgi.*, fastcgi.logging */
	char *error_header;				/* ini: fastcgi.error_header */
	const char *extensions;			/* that the plan wants, while PHP starts */
};

extern struct sapi_state sapi_state;

/* sapi.c */
int sapi_startup_module(sapi_module_struct *module);

/* sapi_functions.c: the module "cgi-fcgi" with functions and ini entries. */
extern zend_module_entry sapi_functions_module;

/* sapi_ini.c: text for sapi_module.ini_entries, to be freed; NULL without memory.
 * SPEC is NULL where PHP starts before it is known whose pool it will be. */
char *sapi_ini_entries(const struct runtime_sizes *sizes, const struct pool_spec *spec);
void sapi_ini_defaults(HashTable *configuration);
/* The value of an entry, with the words of PHP's own files replaced. */
void sapi_ini_value(const struct option_entry *e, char out[OPTION_LIST_MAX]);

/* True for a file that PHP reads when it starts, and without which it would not start,
 * if it cannot be read: it is left out, so that the site is not down. */
bool sapi_ini_is_lost_file(const char *name, const char *value);

/* True for what PHP's files calculate: E_ALL & ~E_NOTICE. */
bool sapi_ini_is_expression(const char *value);

/* sapi_start.c: takes a message while no tenant is known; the last one, and the first
 * that tells that an extension of the plan's was not loaded, or "". */
void sapi_start_note(const char *message);
const char *sapi_start_last(void);
const char *sapi_start_missing(void);

/* sapi_settle.c */
int sapi_ini_settle(const struct pool_spec *spec, struct err *err);

/* sapi_user_ini.c: for sapi_module.activate. */
int sapi_user_ini_activate(void);

/* sapi_headers.c */
int sapi_headers_send(sapi_headers_struct *headers);
/* What the request was answered with, and what it took. */
void sapi_headers_note(struct runtime_request *r);

/* sapi_server.c: fills SG(request_info) from the parameters. */
void sapi_server_prepare(struct params *params);
char *sapi_server_getenv(const char *name, size_t name_size);
char *sapi_server_cookies(void);
void sapi_server_register(zval *array);
void sapi_server_install(void);

/* sapi_beneath.c: descriptors of regular files in the home, or in the document root
 * where scripts must lie there; else -1 with errno. */
void sapi_beneath_settle(void);		/* once, when the home is known */
/* The part of PATH below the home, if it lies where it has to and no component is empty,
 * `.` or `..`; else NULL. */
const char *sapi_beneath_plain(const char *path);
/* Most files, by one call: where no component is a link, the path is the file's true name
 * and tells in which folders it lies.  -1 says nothing: look closer. */
int sapi_beneath_open_plain(const char *path, struct stat *out);
/* All others: links are followed, and where they led is looked at. */
int sapi_beneath_open(const char *path, struct stat *out, char real[PATH_MAX]);

/* sapi_script.c: opens SG(request_info).path_translated into a handle that the
 * caller destroys, or names it there until PHP needs it open. */
enum script_refusal {
	SCRIPT_TAKEN,
	SCRIPT_UNKNOWN,		/* the parameters lead to no script */
	SCRIPT_ENDING,		/* none of limit_extensions */
	SCRIPT_DENIED,		/* its mode or a folder's */
	SCRIPT_OUTSIDE,		/* another user's file, or a link to another ending */
	SCRIPT_MISSING,		/* not there, no regular file, or not beneath the home */
};
enum script_refusal sapi_script_open(zend_file_handle *out);
/* While PHP starts, before OPcache does: it keeps the function that opens files. */
void sapi_script_install(void);
/* For sapi_module.get_stat: attributes of the script that runs. */
zend_stat_t *sapi_script_stat(void);
/* True if PATH is there (as a regular file).  A script is opened at once, unless it
 * is known, and kept for sapi_script_open() until another is looked for or all is
 * forgotten. */
bool sapi_script_exists(const char *path, bool must_be_file);
void sapi_script_forget(void);

/* sapi_page.c: answers the pages of status_path and ping_path; false if this is no such
 * request. */
bool sapi_page_write(const struct params *p);

/* sapi_mail.c: forgets a message that the last request left behind. */
void sapi_mail_reset(void);

/* sapi_slow.c: the request has ended, slow or not. */
void sapi_slow_forget(void);

/* sapi_log.c */
void sapi_log_message(const char *message, int level);
void sapi_log_client(const char *message);

#endif
