/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them: sizes, times, yes and no.  Shared by the tables
 * of options and of settings.
 */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* "512M", "64k", "1G", "2T" (powers of 1024), plain bytes.  0, or -1. */
int value_parse_size(const char *s, uint64_t *out);
void value_format_size(uint64_t bytes, char *out, size_t size);

/* "10s", "2m", "1h", "7d", plain seconds.  0, or -1. */
int value_parse_seconds(const char *s, uint64_t *out);
void value_format_seconds(uint64_t seconds, char *out, size_t size);

/* "yes", "on", "true", "1" and their opposites.  0, or -1. */
int value_parse_bool(const char *s, uint64_t *out);

#endif
