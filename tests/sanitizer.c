/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the sanitizers for programs of a SAN build: they get no environment
 * from their starters, and what is found must be seen by the test that ran
 * them.  Leaks are left to the unit tests: the check at exit needs ptrace(2),
 * which a program without capabilities has not.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0:log_path=/tmp/tenantd-sanitizer/report";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}
