/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is heard of the removal of rules: of our own table all, of others nothing, be their
 * names ever so like.  In a network namespace of its own.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include <nftables/libnftables.h>

#include "base/str.h"
#include "daemon/net/net_watch.h"

static struct nft_ctx *nft;

static void run(const char *commands)
{
	if (nft_run_cmd_from_buffer(nft, commands) != 0)
		fail_msg("'%s': %s", commands, nft_ctx_get_error_buffer(nft));
}

static const struct {
	const char *commands;
	bool is_ours;
} cases[] = {
	{ "add table inet ours; add chain inet ours c; add rule inet ours c accept", false },
	{ "flush chain inet ours c", true },
	{ "delete chain inet ours c", true },
	{ "delete table inet ours", true },
	{ "add table inet ours-2; delete table inet ours-2", false },
	{ "add table inet oursandmore; add chain inet oursandmore c", false },
	{ "delete chain inet oursandmore c; delete table inet oursandmore", false },
	{ "add table inet our; delete table inet our", false },
	{ "add table ip ours; delete table ip ours", false },
	{ "add table inet ours", false },
	{ "add table inet ours2; flush ruleset", true },
};

static void test_our_table_alone(void **state)
{
	(void)state;
	struct net_watch w = { 0 };
	struct err err = { 0 };
	char who[NET_WATCH_WHO];
	int fd = -1;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		skip();		/* it takes a namespace of the test's own */
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	assert_non_null(nft);
	assert_int_equal(nft_ctx_buffer_error(nft), 0);
	if (net_watch_open(&w, "ours", &fd, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run(cases[i].commands);
		if (net_watch_read(&w, who) != cases[i].is_ours)
			fail_msg("'%s' was %sheard of", cases[i].commands,
				 cases[i].is_ours ? "not " : "");
		assert_true(!cases[i].is_ours || who[0]);
	}
	net_watch_close(&w);
	nft_ctx_free(nft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_table_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
