/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hostile site's native code: runs an order, a list of system calls with any
 * arguments whatever, which tests/lib/native.py writes and reads back.  Compiled
 * to one flat image without a library and without a fixed place, so that it can
 * be put into a living worker (ends at a breakpoint), or into the memory of an
 * interpreter where a plan allows programs (the order's last call ends it).
 */
#include <stdint.h>

#if !defined(__x86_64__)
#error "the image is made for x86-64 alone"
#endif

#define FILL 0x1000000u		/* arg: address, byte, length */
#define COPY 0x1000001u		/* arg: to, from, length */

/* Of an argument; INSIDE: an offset into the order; RESULT: of an earlier step. */
enum kind { VALUE, INSIDE, RESULT };

struct step {
	uint64_t call, times;
	uint64_t stride;	/* added to the first argument each time */
	uint64_t kinds;		/* 4 bits for each argument */
	uint64_t arg[6];
	int64_t result;			/* of the last time */
	uint64_t good;			/* how often it was not negative */
};

struct order {
	uint64_t count;
	uint64_t pointers;	/* offset of a list of offsets of pointers; 0 ends it */
	struct step step[];
};

__attribute__((noreturn, section(".text.entry"))) void entry(struct order *o);

/* All of it is inlined: the image is this one section, which begins with its entry. */
#define PART static inline __attribute__((always_inline))

PART long make(uint64_t call, const uint64_t *a)
{
	register long r10 __asm__("r10") = (long)a[3];
	register long r8 __asm__("r8") = (long)a[4];
	register long r9 __asm__("r9") = (long)a[5];
	volatile uint8_t *to = (volatile uint8_t *)a[0];
	long result = 0;

	if (call == FILL || call == COPY) {
		for (uint64_t i = 0; i < a[2]; i++)
			to[i] = call == FILL ? (uint8_t)a[1] : ((const uint8_t *)a[1])[i];
		return 0;
	}
	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(call), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

PART void run(struct order *o, struct step *s)
{
	uint64_t a[6];

	for (unsigned i = 0; i < 6; i++) {
		uint64_t kind = s->kinds >> 4 * i & 15;

		a[i] = s->arg[i];
		if (kind == INSIDE)
			a[i] += (uint64_t)o;
		if (kind == RESULT)
			a[i] = (uint64_t)o->step[s->arg[i]].result;
	}
	for (uint64_t n = 0; n < s->times; n++, a[0] += s->stride) {
		s->result = make(s->call, a);
		s->good += s->result >= 0;
	}
}

void entry(struct order *o)
{
	for (const uint64_t *at = (uint64_t *)((char *)o + o->pointers); *at; at++)
		*(uint64_t *)((char *)o + *at) += (uint64_t)o;
	for (uint64_t i = 0; i < o->count; i++)
		run(o, &o->step[i]);
	for (;;)
		__asm__ volatile("int3");
}
