/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing texts of /proc and cgroupfs with the record. */
#include "daemon/control/jail_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/control/envelope.h"

#define VALUE_MAX 160

struct view {
	json_t *facts;
	const char *process;
	int failed;
};

enum verdict { SAME, OTHER, INFO };

static void add(struct view *v, enum verdict verdict, const char *fact, const char *record,
		const char *kernel)
{
	static const char *const words[] = { [SAME] = "OK", [OTHER] = "FAILED",
					     [INFO] = "INFO" };

	v->failed += verdict == OTHER;
	(void)json_array_append_new(v->facts, json_pack(
		"{s:s,s:o,s:o,s:o,s:s}", "process", v->process, "fact", envelope_text(fact),
		"record", envelope_text(record), "kernel", envelope_text(kernel), "result",
		words[verdict]));
}

static void compare(struct view *v, const char *fact, const char *record, const char *kernel)
{
	add(v, strcmp(record, kernel) == 0 ? SAME : OTHER, fact, record, kernel);
}

/* The rest of the line that begins with KEY, blanks made single; "" without one. */
static void line_of(const char *text, const char *key, char out[VALUE_MAX])
{
	size_t n = strlen(key), used = 0;

	out[0] = '\0';
	while (*text && strncmp(text, key, n) != 0) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (!*text)
		return;
	for (text += n; *text && *text != '\n' && used + 2 < VALUE_MAX; text++) {
		bool is_blank = *text == ' ' || *text == '\t';

		if (!is_blank)
			out[used++] = *text;
		else if (used > 0 && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

/* ---- one process ---- */

static void view_identity(struct view *v, const struct wire_process *p, unsigned uid)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	char want[VALUE_MAX], is[VALUE_MAX], key[16];

	(void)str_format(want, sizeof(want), "%u %u %u %u", uid, uid, uid, uid);
	line_of(p->status, "Uid:", is);
	compare(v, "uid (real effective saved fs)", want, is);
	line_of(p->status, "Gid:", is);
	compare(v, "gid (real effective saved fs)", want, is);
	line_of(p->status, "Groups:", is);
	compare(v, "other groups", "", is);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		(void)str_format(key, sizeof(key), "%s:", sets[i]);
		line_of(p->status, key, is);
		compare(v, sets[i], "0000000000000000", is);
	}
}

static void view_filters(struct view *v, const struct wire_process *p, uint64_t filters)
{
	char want[VALUE_MAX], is[VALUE_MAX];
	uint64_t count = 0;

	line_of(p->status, "NoNewPrivs:", is);
	compare(v, "no_new_privs", "1", is);
	line_of(p->status, "Seccomp:", is);
	compare(v, "seccomp mode (2: filter)", "2", is);
	line_of(p->status, "Seccomp_filters:", is);
	(void)str_format(want, sizeof(want), "%u or more", (unsigned)filters);
	add(v, str_number(is, UINT32_MAX, &count) == 0 && count >= filters ? SAME : OTHER,
	    "seccomp filters", want, is);
}

/* The master's differ from the host's, the worker's are the master's. */
static void view_namespaces(struct view *v, const struct wire_jail *j,
			    const struct wire_process *p)
{
	static const char *const words[JAIL_NAMESPACES] = { JAIL_NAMESPACE_WORDS };
	const struct wire_process *master = &j->process[0];

	for (int i = 0; i < JAIL_NAMESPACES; i++) {
		char fact[32];
		const char *is = p->namespaces[i] == 0 || j->host_namespaces[i] == 0 ?
				 "cannot be read" :
				 p->namespaces[i] == j->host_namespaces[i] ? "the host's" :
				 p->namespaces[i] != master->namespaces[i] ? "another one" : "own";

		(void)str_format(fact, sizeof(fact), "%s namespace", words[i]);
		compare(v, fact, "own", is);
	}
}

static void view_limits(struct view *v, const struct wire_process *p, uint64_t open_files)
{
	const struct { const char *key; uint64_t most; } limits[] = {
		{ "Max open files", open_files },
		{ "Max core file size", 1 },
		{ "Max locked memory", UINT64_C(64) * 1024 },
		{ "Max pending signals", 512 },
		{ "Max msgqueue size", 0 },
		{ "Max nice priority", 0 },
		{ "Max realtime priority", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char is[VALUE_MAX], want[VALUE_MAX];
		uint64_t hard = 0;

		line_of(p->limits, limits[i].key, is);
		const char *second = strchr(is, ' ');	/* soft, hard, unit */

		(void)str_format(want, sizeof(want), "at most %llu",
				 (unsigned long long)limits[i].most);
		if (second)
			is[(second - is) + 1 + (int)strcspn(second + 1, " ")] = '\0';
		add(v, second && str_number(second + 1, UINT64_MAX, &hard) == 0 &&
		    hard <= limits[i].most ? SAME : OTHER, limits[i].key, want, is);
	}
}

static void view_process(struct view *v, const struct wire_jail *j, int which, unsigned uid,
			 const struct options *o)
{
	const struct wire_process *p = &j->process[which];
	char oom[16];

	view_identity(v, p, uid);
	view_filters(v, p, which == 0 ? 1 : 2);
	view_namespaces(v, j, p);
	view_limits(v, p, o->open_files);
	(void)str_format(oom, sizeof(oom), "%.*s", (int)strcspn(p->oom_score_adj, "\n"),
			 p->oom_score_adj);
	compare(v, "oom_score_adj", "400", oom);
}

/* ---- the group ---- */

static void view_number(struct view *v, const char *fact, uint64_t want, const char *is,
			const char *if_missing)
{
	char record[VALUE_MAX];

	(void)str_format(record, sizeof(record), "%llu", (unsigned long long)want);
	if (!is[0])
		add(v, if_missing ? INFO : OTHER, fact, record, if_missing ? if_missing :
		    "no such file");
	else
		compare(v, fact, record, is);
}

/* "QUOTA PERIOD" in microseconds as per cent of one CPU. */
static void view_quota(struct view *v, const struct wire_jail *j, uint64_t want)
{
	char text[2 * JAIL_VALUE_MAX + 2], is[VALUE_MAX], record[VALUE_MAX];
	unsigned long long quota = 0, period = 0;

	(void)str_format(text, sizeof(text), "%s %s", j->cgroup[JAIL_CPU_MAX],
			 j->cgroup[JAIL_CPU_PERIOD]);
	if (sscanf(text, "%llu %llu", &quota, &period) == 2 && period > 0)
		(void)str_format(is, sizeof(is), "%llu", (quota * 100 + period / 2) / period);
	else
		(void)str_format(is, sizeof(is), "%s", text);
	(void)str_format(record, sizeof(record), "%llu", (unsigned long long)want);
	compare(v, "cpu quota, per cent", record, is);
}

static void view_group(struct view *v, const struct wire_jail *j, const struct options *o)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t memory = o->memory_max / page * page;
	uint64_t swap = o->memory_swap_max / page * page;

	view_number(v, "memory.max", memory, j->cgroup[JAIL_MEMORY_MAX], NULL);
	/* On v1 the file counts both together. */
	view_number(v, "swap limit", j->is_unified ? swap : memory + swap, j->cgroup[JAIL_SWAP_MAX],
		    "this kernel counts no swap");
	view_number(v, "pids.max", o->pids_max, j->cgroup[JAIL_PIDS_MAX], NULL);
	view_quota(v, j, o->cpu_quota);
	view_number(v, "cpu weight", j->is_unified ? o->cpu_weight : o->cpu_weight * 1024 / 100,
		    j->cgroup[JAIL_CPU_WEIGHT], NULL);
}

/* ---- mounts ---- */

#define PLACES_MAX 4		/* that must be there and may be written, but /proc */

struct mounts {
	struct view *view;
	const char *place[PLACES_MAX];
	bool is_seen[PLACES_MAX];
};

static bool has_flag(const char *flags, const char *flag)
{
	size_t n = strlen(flag);

	for (; *flags; flags += *flags == ',') {
		if (strncmp(flags, flag, n) == 0 && (flags[n] == ',' || flags[n] == '\0'))
			return true;
		flags += strcspn(flags, ",");
	}
	return false;
}

static void view_mount(struct mounts *m, const char *point, const char *flags)
{
	bool may_write = false;
	bool is_device = strncmp(point, "/dev/", 5) == 0;

	for (int i = 0; i < PLACES_MAX; i++)
		if (strcmp(point, m->place[i]) == 0) {
			m->is_seen[i] = true;
			may_write = strcmp(point, "/proc") != 0;
		}
	bool is_right = has_flag(flags, "nosuid") &&
			(may_write ? has_flag(flags, "nodev") && has_flag(flags, "noexec") :
			 has_flag(flags, "ro") && (is_device || has_flag(flags, "nodev")));

	add(m->view, is_right ? SAME : OTHER, point, may_write ? "rw,nosuid,nodev,noexec" :
	    is_device ? "ro,nosuid" : "ro,nosuid,nodev", flags);
}

static void view_mounts(struct view *v, const char *home, char *text)
{
	struct mounts m = { .view = v, .place = { home, "/tmp", "/dev/shm", "/proc" } };
	char *rest = NULL;

	v->process = "mounts";
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char point[512], flags[VALUE_MAX];

		/* id, parent, device, root, mount point, flags (proc(5)) */
		if (sscanf(line, "%*s %*s %*s %*s %511s %159s", point, flags) == 2)
			view_mount(&m, point, flags);
	}
	for (int i = 0; i < PLACES_MAX; i++)
		if (!m.is_seen[i])
			add(v, OTHER, m.place[i], "mounted", "not mounted");
}

json_t *jail_view(const struct settings *set, const struct tenant *t, const struct options *o,
		  const struct wire_jail *j)
{
	struct view v = { .facts = json_array(), .process = "master" };
	unsigned uid = (unsigned)(set->uid_base + t->number);
	char want[VALUE_MAX], is[VALUE_MAX], home[SETTING_TEXT_MAX + SITE_MAX];
	char *mounts = strdup(j->mounts);

	view_process(&v, j, 0, uid, o);
	v.process = "worker";
	if (j->process[1].pid)
		view_process(&v, j, 1, uid, o);
	else
		add(&v, INFO, "process", "", "none lives at the moment");
	v.process = "cgroup";
	view_group(&v, j, o);
	if (mounts && str_format(home, sizeof(home), "%s/%s", set->home_dir, t->site) == 0)
		view_mounts(&v, home, mounts);
	free(mounts);
	v.process = "spec";
	(void)str_format(want, sizeof(want), "%llu", (unsigned long long)t->revision);
	(void)str_format(is, sizeof(is), "%llu", (unsigned long long)j->revision);
	compare(&v, "revision", want, is);
	return json_pack("{s:s,s:I,s:I,s:i,s:o,s:i}", "site", t->site, "number",
			 (json_int_t)t->number, "generation", (json_int_t)j->generation, "pid",
			 (int)j->process[0].pid, "facts", v.facts, "failed", v.failed);
}
