/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant-build: everything root must do to files, in short runs.
 *
 *   tenant-build settings CONF   reads the configuration, makes the base
 *                                folders, writes the record to RUN_DIR/settings
 *                                and to descriptor 3
 *   tenant-build                 one job: 3 the frame, 4 the settings record,
 *                                both sealed; 5 replies
 *
 * It keeps only capabilities over files, opens no network and starts nothing.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/str.h"
#include "schema/errors.h"
#include "schema/events.h"
#include "tenants/base_tree.h"
#include "tenants/build_job.h"
#include "tenants/settings_parse.h"

enum { FD_JOB = 3, FD_RECORD = 3, FD_SETTINGS = 4, FD_REPLY = 5 };

/* Owners, modes, and folders that are closed to others; nothing more. */
static const cap_value_t caps[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID,
};

static int fail(const char *step, const struct err *err)
{
	log_event(DAEMON_ERROR, "program=tenant-build step=%s error='%s'", step, err->text);
	return error_row(err->code)->exit_status;
}

static int make_settings(const char *conf, struct err *err)
{
	static struct settings s;

	if (settings_parse(conf, &s, err) < 0 || base_tree_make(&s, err) < 0)
		return -1;
	CLOSE_AT_EXIT int run = base_tree_open(s.run_dir, NULL, err);

	if (run < 0 || file_write(run, SETTINGS_FILE, &s, sizeof(s), 0644, 0, 0, err) < 0)
		return -1;
	if (fd_write_full(FD_RECORD, &s, sizeof(s)) < 0)
		return err_sys(err, "write the settings to descriptor %d", FD_RECORD);
	return 0;
}

/* A job that could still change under our checks is none. */
static int check_sealed(int fd, struct err *err)
{
	int want = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);

	if ((seals < 0 || (seals & want) != want) && !mutant_is_off("job-sealed"))
		return err_set(err, ERR_BAD_RECORD, "descriptor %d is not a sealed record", fd);
	return 0;
}

static int run_job(struct err *err)
{
	static unsigned char frame[WIRE_FRAME_MAX];
	static struct settings s;
	struct stat st;

	if (check_sealed(FD_JOB, err) < 0 || check_sealed(FD_SETTINGS, err) < 0)
		return -1;
	if (fstat(FD_JOB, &st) < 0)
		return err_sys(err, "look at the job");
	if (st.st_size < (off_t)sizeof(struct wire_head) || st.st_size > (off_t)sizeof(frame))
		return err_set(err, ERR_BAD_RECORD, "a job of %lld bytes", (long long)st.st_size);
	if (fd_read_full(FD_JOB, frame, (size_t)st.st_size) < 0)
		return err_sys(err, "read the job");
	if (settings_read(FD_SETTINGS, &s, err) < 0)
		return -1;
	return build_job(&s, frame, (size_t)st.st_size, FD_REPLY, err);
}

int main(int argc, char **argv)
{
	bool is_settings = argc == 3 && strcmp(argv[1], "settings") == 0;
	struct err err = { 0 };

	if (!is_settings && argc != 1) {
		(void)err_set(&err, ERR_USAGE, "usage: tenant-build [settings CONF]");
		return fail("usage", &err);
	}
	(void)umask(0);		/* every mode is said where the thing is made */
	if (!mutant_is_off("builder-powers") && caps_keep(caps, ARRAY_SIZE(caps), &err) < 0)
		return fail("capabilities", &err);
	if (is_settings)
		return make_settings(argv[2], &err) < 0 ? fail("settings", &err) : 0;
	int rc = run_job(&err);

	if (rc < 0)
		return fail("job", &err);
	return rc > 0 ? error_row(err.code)->exit_status : 0;
}
