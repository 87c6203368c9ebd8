/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as plain data on the caller's stack.  Whatever can fail returns 0 or
 * -1 and fills a struct err; nothing is allocated to report.  The numbers of
 * the codes are those of schema/errors.def, which this layer does not see,
 * except for ERR_SYSTEM, the first row of that table.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_TEXT_MAX 640

/* A system call failed; the code of err_sys(). */
#define ERR_SYSTEM 1

struct err {
	int code;			/* 0 while nothing has failed */
	int sys;			/* errno of err_sys(), else 0 */
	char text[ERR_TEXT_MAX];	/* for a person; outermost context first */
};

/* Fails with CODE.  Returns -1, so that `return err_set(...)` reads well.
 * ERR may be NULL: then only the return value tells. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Fails with ERR_SYSTEM and appends ": " and the text of errno. */
int err_sys(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text; keeps code and errno.  Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
