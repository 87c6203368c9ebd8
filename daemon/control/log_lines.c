/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces become lines. */
#include "daemon/control/log_lines.h"

#include <string.h>
#include <unistd.h>

static void end_line(struct log_file *f, const struct log_reader *reader)
{
	if (!f->is_headless)
		reader->take(reader->owner, f);
	f->used = 0;
	f->is_headless = false;
}

static void add_piece(struct log_file *f, const char *data, size_t size)
{
	size_t n = sizeof(f->line) - f->used < size ? sizeof(f->line) - f->used : size;

	memcpy(f->line + f->used, data, n);
	f->used += n;
}

void log_lines_read(struct log_file *f, off_t until, char *chunk, size_t size,
		    const struct log_reader *reader)
{
	ssize_t n = 0;

	while (f->fd >= 0 && !reader->is_over(reader->owner) &&
	       (until < 0 || f->offset < until) && (n = pread(f->fd, chunk, size, f->offset)) > 0) {
		const char *at = chunk;

		for (size_t left = (size_t)n; left > 0;) {
			const char *end = memchr(at, '\n', left);
			size_t piece = end ? (size_t)(end - at) : left;

			add_piece(f, at, piece);
			piece += end ? 1 : 0;
			f->offset += (off_t)piece;
			at += piece;
			left -= piece;
			if (end) {
				end_line(f, reader);
				f->line_at = f->offset;
			}
		}
	}
}

void log_lines_rest(struct log_file *f, const struct log_reader *reader)
{
	if (f->used > 0)
		end_line(f, reader);
}

void log_lines_go_to(struct log_file *f, off_t offset)
{
	f->offset = f->line_at = offset;
	f->used = 0;
	f->is_headless = false;
}

void log_lines_go_into(struct log_file *f, off_t offset)
{
	char before = '\n';

	log_lines_go_to(f, offset);
	if (offset > 0 && pread(f->fd, &before, 1, offset - 1) != 1)
		before = '\0';
	f->is_headless = before != '\n';
}
