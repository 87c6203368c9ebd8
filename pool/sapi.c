/* SPDX-License-Identifier: Apache-2.0 */
/* PHP's life in a pool: start, one request after another, and what PHP calls
 * back.  The name "fpm-fcgi" is what applications look for. */
#include "pool/sapi.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zend_signal.h>

#include "pool/errlog.h"
#include "schema/errors.h"

#define SAID_MAX 4096	/* of a message with a path */
#define DRAIN_MS 5000	/* how long a client may go on sending a body nobody reads */

struct sapi_state sapi_state;

static size_t write_body(const char *text, size_t size)
{
	/* Behind fastcgi_finish_request() a script may print what it likes: it goes
	 * nowhere, and the script goes on. */
	if (!sapi_state.request || !sapi_state.request->answer->is_open)
		return size;
	if (!answer_write(sapi_state.request->answer, text, size)) {
		php_handle_aborted_connection();
		return 0;
	}
	return size;
}

static void flush_body(void *context)
{
	if (!context || !sapi_state.request || !sapi_state.request->answer->is_open)
		return;
	/* With 8.2 a script may still change the head where nothing was printed. */
	if (PHP_VERSION_ID >= 80300)
		sapi_send_headers();
	if (!answer_flush(sapi_state.request->answer))
		php_handle_aborted_connection();
}

/* Beyond post_max_size by one byte, so that PHP sees that the body is too large. */
static zend_long length_limit(void)
{
	return SG(post_max_size) > 0 ? SG(post_max_size) + 1 : ZEND_LONG_MAX;
}

static size_t read_body(char *data, size_t size)
{
	zend_long announced = sapi_state.is_chunked ? length_limit()
						    : SG(request_info).content_length;
	int64_t left = announced - SG(read_post_bytes);
	size_t got = 0;

	if (!sapi_state.request || left <= 0)
		return 0;
	if (size > (size_t)left)
		size = (size_t)left;
	while (got < size) {
		size_t n = front_read(sapi_state.request->front, data + got, size - got);

		if (n == 0)
			break;
		got += n;
	}
	return got;
}

/* The client has its answer before PHP cleans up.  PHP also calls this once at
 * the end of its own start. */
static int end_answer(void)
{
	if (sapi_state.request)
		sapi_headers_note(sapi_state.request);
	if (sapi_state.request && !answer_end(sapi_state.request->answer))
		php_handle_aborted_connection();
	return SUCCESS;
}

int sapi_startup_module(sapi_module_struct *module)
{
#if PHP_VERSION_ID >= 80200
	return php_module_startup(module, &sapi_functions_module);
#else
	return php_module_startup(module, &sapi_functions_module, 1);
#endif
}

static sapi_module_struct module = {
	.name = (char *)"fpm-fcgi",
	.pretty_name = (char *)"FPM/FastCGI",
	.startup = sapi_startup_module,
	.shutdown = php_module_shutdown_wrapper,
	.activate = sapi_user_ini_activate,
	.deactivate = end_answer,
	.ub_write = write_body,
	.flush = flush_body,
	.getenv = sapi_server_getenv,
	.sapi_error = php_error,
	.send_headers = sapi_headers_send,
	.get_stat = sapi_script_stat,
	.read_post = read_body,
	.read_cookies = sapi_server_cookies,
	.register_server_variables = sapi_server_register,
	.log_message = sapi_log_message,
	.ini_defaults = sapi_ini_defaults,
	.php_ini_ignore_cwd = 1,
};

/* libphp's SONAME carries no version: another PHP's could have been loaded, whose
 * structures are not ours.  PHP 8.3 and later say their version before they are
 * started; earlier ones only afterwards. */
static int check_version(bool is_started, struct err *err)
{
	const char *(*ask)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "php_version");
	const char *loaded = is_started ? zend_get_module_version("core") : NULL;
	size_t minor = (size_t)(strrchr(PHP_VERSION, '.') - PHP_VERSION);

	if (ask)
		loaded = ask();
	else if (PHP_VERSION_ID >= 80300)
		loaded = "before 8.3";
	if (!loaded && !is_started)
		return 0;
	if (!loaded || strncmp(loaded, PHP_VERSION, minor + 1) != 0)
		return err_set(err, ERR_PHP,
			       "libphp.so is PHP %s, but this program was built for PHP %s: "
			       "check the link libphp.so in its folder",
			       loaded ? loaded : "?", PHP_VERSION);
	return 0;
}

int runtime_start(const struct runtime_sizes *sizes, const struct pool_spec *spec,
		  struct err *err)
{
	if (check_version(false, err) < 0)
		return -1;
	zend_signal_startup();
	sapi_startup(&module);
	sapi_state.extensions = spec ? spec->options.extensions : NULL;
	module.ini_entries = sapi_ini_entries(sizes, spec);
	if (!module.ini_entries)
		return err_set(err, ERR_PHP, "no memory for PHP's settings");
	if (module.startup(&module) == FAILURE)
		return err_set(err, ERR_PHP, "PHP does not start: %s", *sapi_start_last() ?
			       sapi_start_last() : "it does not say why");
	sapi_server_install();
	return check_version(true, err);
}

int runtime_settle(const struct runtime_pool *pool, struct err *err)
{
	sapi_state.pool = pool;
	if (*sapi_start_missing() && pool->spec->magic == POOL_TRIAL_MAGIC)
		return err_set(err, ERR_PHP, "%s", sapi_start_missing());
	SG(options) |= SAPI_OPTION_NO_CHDIR;	/* run_in_folder() does it */
	sapi_beneath_settle();
	return sapi_ini_settle(pool->spec, err);
}

static void refuse(enum script_refusal why)
{
	static const struct {
		int status;
		const char *text, *before, *after;	/* what is said round the path */
	} refusals[] = {
		[SCRIPT_UNKNOWN] = { 404, "File not found.\n", "Primary script unknown", NULL },
		[SCRIPT_ENDING] = { 403, "Access denied.\n", "Access to the script '",
				    "' has been denied (see security.limit_extensions)" },
		[SCRIPT_DENIED] = { 403, "Access denied.\n", "Unable to open primary script: ",
				    " (Permission denied)" },
		[SCRIPT_OUTSIDE] = { 403, "Access denied.\n", "Access to the script '",
				     "' has been denied: it is no script of the tenant" },
		[SCRIPT_MISSING] = { 404, "No input file specified.\n",
				     "Unable to open primary script: ",
				     " (No such file or directory)" },
	};
	const char *path = SG(request_info).path_translated;
	char *said = NULL;

	(void)spprintf(&said, SAID_MAX, "%s%s%s", refusals[why].before,
		       refusals[why].after && path ? path : "",
		       refusals[why].after ? refusals[why].after : "");
	sapi_log_client(said);
	efree(said);
	zend_try {
		SG(sapi_headers).http_response_code = refusals[why].status;
		PHPWRITE(refusals[why].text, strlen(refusals[why].text));
	} zend_end_try();
}

static void go_home(void)
{
	if (fchdir(sapi_state.pool->home) < 0)
		errlog_write("the worker cannot change to the site's home");
}

/* Scripts run where they lie, and what runs after them in the home.  PHP would ask where
 * it stands, and go back there by its whole path.  The way begins at the root: what ran
 * last may have gone anywhere. */
static void run_in_folder(zend_file_handle *file)
{
	(void)VCWD_CHDIR_FILE(ZSTR_VAL(file->filename));
	(void)php_execute_script(file);
	go_home();
}

static void run_script(void)
{
	zend_file_handle file;
	enum script_refusal why = SCRIPT_TAKEN;

	memset(&file, 0, sizeof(file));
	why = sapi_script_open(&file);
	if (why != SCRIPT_TAKEN) {
		refuse(why);
		return;
	}
	EG(exit_status) = 0;
	run_in_folder(&file);
	/* PHP keeps what it compiled in a list of its own; with OPcache it need not. */
	if (!file.in_list)
		zend_destroy_file_handle(&file);
	if (EG(exit_status) == 255 && sapi_state.error_header && *sapi_state.error_header &&
	    !SG(headers_sent)) {
		sapi_header_line line = { .line = sapi_state.error_header,
					  .line_len = strlen(sapi_state.error_header) };

		(void)sapi_header_op(SAPI_HEADER_REPLACE, &line);
	}
}

void runtime_child(void)
{
	SG(sapi_started) = 1;
	go_home();
}

static bool run_request(struct runtime_request *r)
{
	sapi_state.request = r;
	sapi_state.errors_begun = false;
	sapi_mail_reset();
	SG(server_context) = r;
	sapi_server_prepare(r->params);
	if (php_request_startup() == FAILURE)
		return false;
	/* Without a method this is no request of a web server. */
	if (SG(request_info).request_method && !sapi_page_write(r->params))
		run_script();
	if (SG(request_info).path_translated) {
		efree(SG(request_info).path_translated);
		SG(request_info).path_translated = NULL;
	}
	php_request_shutdown(NULL);
	/* Its signal handlers are in place now; setting them again for each request
	 * would be seven system calls. */
	SIGG(reset) = 0;
	return true;
}

bool runtime_serve(struct runtime_request *r)
{
	struct err err = { 0 };
	volatile bool is_fit = false;

	if (answer_begin(r->answer, r->front->fd, r->front->id, &err) < 0)
		return false;
	zend_first_try {
		is_fit = run_request(r);
	} zend_end_try();
	(void)answer_end(r->answer);	/* if PHP gave up before its own end of the request */
	sapi_state.request = NULL;
	sapi_script_forget();	/* if PHP gave up before it was run */
	sapi_slow_forget();
	SG(server_context) = NULL;
	r->front->keep = front_drain(r->front, DRAIN_MS);
	return is_fit;
}
