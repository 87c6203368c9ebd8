/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of ended processes, and how it is summed up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemon/log/audit.h"
#include "daemon/supervisor/violations.h"

#define BEGIN "audit(1796084855.382:2): auid=4294967295 uid=1900000017 gid=1900000017 ses=1 pid=32 "
#define KILLED BEGIN "comm=\"php: worker\" exe=\"/pool\" sig=31 arch=c000003e "

#define BY(comm, exe) \
	BEGIN "comm=\"" comm "\" exe=\"" exe "\" sig=31 arch=c000003e syscall=101"

static void test_records(void **state)
{
	(void)state;
	static const struct {
		const char *text, *call;	/* NULL: no record of ours */
	} cases[] = {
		{ KILLED "syscall=101 compat=0 ip=0x7f0 code=0x80000000", "ptrace" },
		{ KILLED "syscall=321", "bpf" },
		{ KILLED "syscall=999999", "number_999999" },
		/* i386's table on the same machine */
		{ BEGIN "sig=31 arch=40000003 syscall=26 compat=1", "ptrace" },
		/* A name of the process's own choice is quoted or hex: no field begins in it. */
		{ BEGIN "comm=207569643D30 exe=\"x\" sig=31 arch=c000003e syscall=101", "ptrace" },
		{ BEGIN "comm=\"uid=7\" exe=\"x\" sig=31 arch=c000003e syscall=101", "ptrace" },
		/* Our own trials; only the file tells, never the name. */
		{ BY("x", "/lib/tenant-probe") "", NULL },
		{ BY("tenant-probe", "/pool") "", "ptrace" },
		{ BY("x", "/tenant-probe/php") "", "ptrace" },
		{ BY("x", "/php") " x=\"/tenant-probe\" y=1", "ptrace" },
		{ BEGIN "comm=\"x\" sig=0 arch=c000003e syscall=101", NULL },
		{ BEGIN "comm=\"x\" sig=31 syscall=101", NULL },
		{ BEGIN "sig=31 arch=zz syscall=101", NULL },
		{ BEGIN "sig=31 arch=c000003e syscall=", NULL },
		{ BEGIN "sig=31 arch=c000003e syscall=99999999999", NULL },
		{ "audit(1:2): auid=1900000017 sig=31 arch=c000003e syscall=101", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char call[CALL_NAME_MAX] = "";
		uint32_t uid = 0;
		bool is_ours = audit_parse(cases[i].text, strlen(cases[i].text), &uid, call);

		assert_int_equal(is_ours, cases[i].call != NULL);
		if (cases[i].call) {
			assert_string_equal(call, cases[i].call);
			assert_int_equal(uid, 1900000017);
		}
	}
	char large[5000];
	char call[CALL_NAME_MAX];
	uint32_t uid = 0;

	memset(large, 'x', sizeof(large));
	assert_false(audit_parse(large, sizeof(large), &uid, call));
}

static void test_summing(void **state)
{
	(void)state;
	static struct violations v;

	for (int i = 0; i < 5; i++)
		violations_note(&v, 7, "bpf");
	violations_note(&v, 8, "bpf");
	violations_note(&v, 7, "mount");
	assert_int_equal(v.count, 3);
	assert_int_equal(v.row[0].count, 5);
	for (uint32_t i = 0; i < 1000; i++)
		violations_note(&v, 100 + i, "bpf");
	assert_int_equal(v.count, VIOLATION_ROWS);
}

static void test_many_kinds_of_one(void **state)
{
	(void)state;
	static struct violations v;
	char call[] = "a";

	for (; call[0] <= 'z'; call[0]++)
		violations_note(&v, 7, call);
	violations_note(&v, 8, "bpf");
	violations_note(&v, 7, "b");
	assert_int_equal(v.count, VIOLATION_CALLS + 1);
	assert_int_equal(v.row[1].count, 2);
	assert_string_equal(v.row[VIOLATION_CALLS - 1].call, VIOLATION_OTHERS);
	assert_int_equal(v.row[VIOLATION_CALLS - 1].count, 26 - VIOLATION_CALLS + 1);
	assert_int_equal(v.row[VIOLATION_CALLS].uid, 8);
}

static struct log_violation message(const char *call, uint32_t count)
{
	struct log_violation m = { .uid = 1, .count = count };

	(void)str_copy(m.call, sizeof(m.call), call);
	return m;
}

static void test_messages(void **state)
{
	(void)state;
	struct log_violation m = message("process_vm_readv", 1);

	assert_true(violations_check(&m));
	m = message("bpf", 0);
	assert_false(violations_check(&m));
	m = message("", 1);
	assert_false(violations_check(&m));
	m = message("b c", 1);
	assert_false(violations_check(&m));
	memset(m.call, 'x', sizeof(m.call));
	assert_false(violations_check(&m));
}

static void test_counting(void **state)
{
	(void)state;
	struct violation_counts v = { 0 };
	char text[REASON_MAX];
	static const uint32_t added[] = { 1, 1, 1, 1, 1, 5, 6 };
	static const bool is_told[] = { true, true, false, true, false, true, true };

	for (size_t i = 0; i < ARRAY_SIZE(added); i++) {
		struct log_violation m = message("ptrace", added[i]);

		assert_int_equal(violations_add(&v, &m), is_told[i]);
	}
	for (char c = 'a'; c < 'a' + 20; c++) {
		struct log_violation m = message((char[]){ c, '\0' }, 1);

		(void)violations_add(&v, &m);
	}
	violations_text(&v, text);
	assert_string_equal(text, "ptrace=16 a=1 b=1 c=1 d=1 e=1 f=1 others=14");
	assert_int_equal(v.total, 36);
	for (size_t i = 0; i < VIOLATION_CALLS; i++) {
		memset(v.row[i].call, 'x', CALL_NAME_MAX - 1);
		v.row[i].count = UINT64_MAX;
	}
	violations_text(&v, text);	/* fits, whole pairs only */
	assert_true(strlen(text) < REASON_MAX && strstr(text, "=18446744073709551615") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_summing),
		cmocka_unit_test(test_many_kinds_of_one),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
