/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .user.ini: settings that a site keeps beside its scripts, read from the
 * document root down to the script's folder, and kept for user_ini.cache_ttl.
 * They are the tenant's bytes: PHP takes from them what a folder may set
 * (PHP_INI_PERDIR), and nothing that is locked or bounded (sapi_settle.c).
 */
#include "pool/sapi.h"

#include <string.h>
#include <time.h>

#define FOLDERS_MAX 256	/* kept at the same time; then all are read again */

struct folder {
	HashTable settings;
	time_t until;
};

static HashTable folders;
static bool is_ready;

static void free_folder(zval *value)
{
	struct folder *f = Z_PTR_P(value);

	zend_hash_destroy(&f->settings);
	pefree(f, 1);
}

static struct folder *folder_of(const char *path, size_t size)
{
	struct folder *f = NULL;

	if (!is_ready)
		zend_hash_init(&folders, 8, NULL, free_folder, 1);
	is_ready = true;
	f = zend_hash_str_find_ptr(&folders, path, size);
	if (f)
		return f;
	if (zend_hash_num_elements(&folders) >= FOLDERS_MAX)
		zend_hash_clean(&folders);
	f = pecalloc(1, sizeof(*f), 1);
	zend_hash_init(&f->settings, 8, NULL, config_zval_dtor, 1);
	zend_hash_str_update_ptr(&folders, path, size, f);
	return f;
}

/* Size of the document root where the folder lies in it, else that of the folder
 * itself: then only its own file is read. */
static size_t first_part(const char *folder, size_t size)
{
	const char *root = sapi_state.request
				   ? params_get(sapi_state.request->params, "DOCUMENT_ROOT")
				   : NULL;
	size_t root_size = root ? strlen(root) : 0;

	while (root_size > 0 && root[root_size - 1] == '/')
		root_size--;
	if (root_size > 0 && root_size <= size && memcmp(folder, root, root_size) == 0 &&
	    (folder[root_size] == '/' || folder[root_size] == '\0'))
		return root_size;
	return size;
}

/* A section of php.ini, [PATH=x], becomes an array, which PHP would then take for
 * the text of a setting named x. */
static int drop_section(zval *value)
{
	return Z_TYPE_P(value) == IS_STRING ? ZEND_HASH_APPLY_KEEP : ZEND_HASH_APPLY_REMOVE;
}

static void read_files(char *folder, size_t size, HashTable *out)
{
	const char *name = PG(user_ini_filename);

	zend_hash_clean(out);
	for (size_t at = first_part(folder, size); at <= size; at++) {
		char end = folder[at];

		if (end != '/' && end != '\0')
			continue;
		folder[at] = '\0';
		(void)php_parse_user_ini_file(folder, name, out);
		folder[at] = end;
	}
	zend_hash_apply(out, drop_section);
}

int sapi_user_ini_activate(void)
{
	const char *script = SG(request_info).path_translated;
	const char *slash = script ? strrchr(script, '/') : NULL;
	struct folder *f = NULL;
	char folder[MAXPATHLEN];
	time_t now = time(NULL);
	size_t size = 0;

	if (!slash || slash == script || !PG(user_ini_filename) || !*PG(user_ini_filename))
		return SUCCESS;
	size = (size_t)(slash - script);
	if (size >= sizeof(folder))
		return SUCCESS;
	memcpy(folder, script, size);
	folder[size] = '\0';
	f = folder_of(folder, size);
	if (now >= f->until || f->until - now > PG(user_ini_cache_ttl)) {
		read_files(folder, size, &f->settings);
		f->until = now + PG(user_ini_cache_ttl);
	}
	php_ini_activate_config(&f->settings, PHP_INI_PERDIR, PHP_INI_STAGE_HTACCESS);
	return SUCCESS;
}
