/* SPDX-License-Identifier: Apache-2.0 */
/* One text per record: `audit(...): auid=.. uid=.. .. sig=31 arch=c000003e syscall=101 ..`. */
#include "daemon/log/audit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

#define TEXT_SIZE 2048
#define RECORDS 64		/* in one go */

/* The first `NAME=` of the text, as a number. */
static bool field(const char *text, const char *name, int base, uint32_t *out)
{
	size_t size = strlen(name);

	for (const char *at = text; (at = strchr(at, ' ')) != NULL;) {
		char *end = NULL;

		if (strncmp(++at, name, size) != 0 || at[size] != '=')
			continue;
		unsigned long value = strtoul(at + size + 1, &end, base);

		if (end == at + size + 1 || (*end != ' ' && *end != '\0') || value > UINT32_MAX)
			return false;
		*out = (uint32_t)value;
		return true;
	}
	return false;
}

/* True if our own trials of the cage made the call, as `tenantctl verify` and the nightly
 * audit do.  comm= is the process's own choice; exe= is not: a cage starts no program of its
 * own making, and tenant-probe only for the supervisor. */
static bool is_probe(const char *text)
{
	static const char end[] = "/tenant-probe\"";
	const char *exe = strstr(text, " exe=\"");
	const char *stop = exe ? strchr(exe + 6, ' ') : NULL;

	return stop && stop - exe > (ptrdiff_t)sizeof(end) &&
	       memcmp(stop - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static void name_call(uint32_t arch, uint32_t number, char out[CALL_NAME_MAX])
{
	char *name = seccomp_syscall_resolve_num_arch(arch, (int)number);

	if (!name || str_copy(out, CALL_NAME_MAX, name) < 0)
		(void)str_format(out, CALL_NAME_MAX, "number_%u", number);
	free(name);
}

bool audit_parse(const char *text, size_t size, uint32_t *out_uid, char out_call[CALL_NAME_MAX])
{
	char copy[TEXT_SIZE];
	uint32_t uid = 0, sig = 0, arch = 0, number = 0;

	size = strnlen(text, size);
	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (!field(copy, "uid", 10, &uid) || !field(copy, "sig", 10, &sig) ||
	    !field(copy, "arch", 16, &arch) || !field(copy, "syscall", 10, &number) ||
	    sig != SIGSYS || is_probe(copy))
		return false;
	name_call(arch, number, out_call);
	*out_uid = uid;
	return true;
}

bool audit_take(int fd, struct violations *v)
{
	union {
		struct nlmsghdr head;
		char room[TEXT_SIZE + NLMSG_HDRLEN];
	} got;

	for (int i = 0; i < RECORDS; i++) {
		char call[CALL_NAME_MAX];
		uint32_t uid = 0;
		ssize_t n = recv(fd, &got, sizeof(got), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS)
			continue;	/* more than there was room for: not all are counted */
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if ((size_t)n > NLMSG_HDRLEN && got.head.nlmsg_type == AUDIT_SECCOMP &&
		    audit_parse((char *)&got + NLMSG_HDRLEN, (size_t)n - NLMSG_HDRLEN, &uid, call))
			violations_note(v, uid, call);
	}
	return true;
}
