/* SPDX-License-Identifier: Apache-2.0 */
/* States of tenants and pools, from states.def. */
#ifndef SCHEMA_STATES_H
#define SCHEMA_STATES_H

enum tenant_state {
#define STATE_TENANT(name, number) TENANT_##name = number,
#define STATE_POOL(name, number)
#define STATE_LINK(name, number)
#define STATE(kind, name, number, word, sentence) STATE_##kind(name, number)
#include "schema/states.def"
#undef STATE
#undef STATE_TENANT
#undef STATE_POOL
#undef STATE_LINK
	TENANT_STATES
};

enum pool_state {
#define STATE_TENANT(name, number)
#define STATE_POOL(name, number) POOL_##name = number,
#define STATE_LINK(name, number)
#define STATE(kind, name, number, word, sentence) STATE_##kind(name, number)
#include "schema/states.def"
#undef STATE
#undef STATE_TENANT
#undef STATE_POOL
#undef STATE_LINK
	POOL_STATES
};

/* Of a pool's link to the world. */
enum link_state {
#define STATE_TENANT(name, number)
#define STATE_POOL(name, number)
#define STATE_LINK(name, number) LINK_##name = number,
#define STATE(kind, name, number, word, sentence) STATE_##kind(name, number)
#include "schema/states.def"
#undef STATE
#undef STATE_TENANT
#undef STATE_POOL
#undef STATE_LINK
	LINK_STATES
};

/* The word of a state; "unknown" for any other number. */
const char *tenant_state_word(int state);
const char *pool_state_word(int state);
const char *link_state_word(int state);

/* The number of a tenant state's word, or 0. */
int tenant_state_by_word(const char *word);

#endif
