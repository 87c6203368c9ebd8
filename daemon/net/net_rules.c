/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, as nftables reads it. */
#include "daemon/net/net_rules.h"

#include "base/mutant.h"
#include "schema/net.h"

#define BLOCK "ip saddr & " NET_BLOCK_MASK
#define DESTINATION "ip daddr & " NET_BLOCK_MASK
#define FROM_LINK "iifname \"" NET_LINKS "*\""
#define TO_LINK "oifname \"" NET_LINKS "*\""
#define MAIL_PORTS "{ 25, 465, 587 }"

/* A bit of the packet's mark, from our rule that lets it pass to our second table a
 * few steps later, in the same hook: nobody else sees it. */
#define PASS "meta mark set meta mark or 0x20000000 accept"
#define HAS_PASSED "meta mark and 0x20000000"
#define IS_OVER "meta mark set meta mark and 0xdfffffff"

static void add_sets(struct text *t)
{
	text_add(t, "\tset " NET_SET_LINKS " { typeof iifname . ip saddr; size 65536; }\n"
		    "\tset " NET_SET_MAIL " { type ipv4_addr; size 65536; }\n"
		    "\tset " NET_SET_OPENED " { type ifname; size 1024; }\n"
		    "\tset closed { type ipv4_addr; flags interval; auto-merge; }\n"
		    "\tset bound { type ipv4_addr; flags dynamic; size 65536; }\n");
	const char *const counters[] = { NET_SET_SENT, NET_SET_RECEIVED, NET_SET_REFUSED };

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		text_add(t, "\tset %s { type ipv4_addr; flags dynamic; size 65536; counter; }\n",
			 counters[i]);
}

static void add_rows(struct text *t, const struct net_allow *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char address[NET_ADDRESS_TEXT];

		net_address_text(rows[i].address, address);
		text_add(t, "\t\tip daddr %s/%u ", address, rows[i].bits);
		if (rows[i].port != 0)
			text_add(t, "th dport %u ", rows[i].port);
		text_add(t, "goto let\n");
	}
}

/* For every packet, also of connections that are established: a policy that
 * changes cuts what it no longer allows. */
static void add_policy(struct text *t, const struct settings *s)
{
	/* A refusal answers at once, so that a script does not wait for its time-out. */
	text_add(t, "\tchain refuse {\n"
		    "\t\tupdate @" NET_SET_REFUSED " { " BLOCK " }\n"
		    "\t\tmeta l4proto tcp reject with tcp reset\n"
		    "\t\treject with icmpx admin-prohibited\n"
		    "\t}\n"
		    "\tchain let {\n"
		    "\t\tct state invalid drop\n"
		    "\t\tct state new add @bound { " BLOCK " ct count over %llu } %s\n"
		    "\t\tupdate @" NET_SET_SENT " { " BLOCK " } " PASS "\n"
		    "\t\t" PASS "\n"
		    "\t}\n", (unsigned long long)s->net_connections,
		 mutant_text("net-count", "goto refuse", "counter"));
}

static int add_listed(struct text *t, const struct settings *s, struct err *err)
{
	struct net_allow rows[NET_ALLOW_MAX];
	size_t count = 0;

	text_add(t, "\tchain listed {\n"
		    "\t\tmeta l4proto != { tcp, udp } drop\n");
	if (net_resolver_parse(s->net_resolver, rows, &count, err) < 0)
		return -1;
	add_rows(t, rows, count);
	if (net_allow_parse(s->net_allow, rows, &count, err) < 0)
		return -1;
	add_rows(t, rows, count);
	text_add(t, "\t}\n");
	return 0;
}

static void add_hooks(struct text *t)
{
	text_add(t,
		 "\tchain leave {\n"
		 "\t\tjump listed\n"
		 "\t\t" TO_LINK " goto %s\n"
		 "\t\tip daddr @closed goto %s\n"
		 "\t\ttcp dport " MAIL_PORTS " " BLOCK " != @" NET_SET_MAIL " goto %s\n"
		 "\t\tgoto let\n"
		 "\t}\n"
		 "\tchain come {\n"
		 "\t\tct state established,related update @" NET_SET_RECEIVED " { " DESTINATION
		 " }\n"
		 "\t\tct state established " PASS "\n"
		 "\t\tct state related meta l4proto icmp " PASS "\n"
		 "\t\t%s\n"
		 "\t}\n"
		 /* Before the connection table, so that a forged address never
		  * takes a place in it. */
		 "\tchain from_link {\n"
		 "\t\ttype filter hook prerouting priority raw; policy accept;\n"
		 "\t\t" FROM_LINK " meta nfproto != ipv4 drop\n"
		 "\t\t" FROM_LINK " iifname . ip saddr != @" NET_SET_LINKS " %s\n"
		 "\t}\n"
		 "\tchain to_host {\n"
		 "\t\ttype filter hook input priority filter; policy accept;\n"
		 "\t\t" FROM_LINK " jump listed\n"
		 "\t\t" FROM_LINK " goto %s\n"
		 "\t}\n"
		 "\tchain through_host {\n"
		 "\t\ttype filter hook forward priority filter; policy accept;\n"
		 "\t\t" FROM_LINK " goto leave\n"
		 "\t\t" TO_LINK " goto come\n"
		 "\t\tiifname @" NET_SET_OPENED " %s\n"
		 "\t}\n"
		 /* Our own refusals are related, also those by TCP. */
		 "\tchain from_host {\n"
		 "\t\ttype filter hook output priority filter; policy accept;\n"
		 "\t\t" TO_LINK " ct state related " PASS "\n"
		 "\t\t" TO_LINK " goto come\n"
		 "\t}\n"
		 "\tchain nat {\n"
		 "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
		 "\t\t" FROM_LINK " " "oifname != \"" NET_LINKS "*\" masquerade\n"
		 "\t}\n",
		 mutant_text("net-links", "refuse", "let"),
		 mutant_text("net-closed", "refuse", "let"),
		 mutant_text("net-mail", "refuse", "let"),
		 mutant_text("net-incoming", "drop", PASS),
		 mutant_text("net-source", "drop", "counter"),
		 mutant_text("net-host", "refuse", "let"),
		 mutant_text("net-opened", "drop", "counter"));
}

int net_rules(const struct settings *s, struct text *out, struct err *err)
{
	/* Flushing a table takes the rules and leaves the sets. */
	text_add(out, "add table inet %s\nflush table inet %s\ntable inet %s {\n", s->net_table,
		 s->net_table, s->net_table);
	add_sets(out);
	add_policy(out, s);
	if (add_listed(out, s, err) < 0)
		return -1;
	add_hooks(out);
	text_add(out, "}\n");
	const char *const emptied[] = { NET_SET_LINKS, NET_SET_MAIL, "closed" };

	for (size_t i = 0; i < ARRAY_SIZE(emptied); i++)
		text_add(out, "flush set inet %s %s\n", s->net_table, emptied[i]);
	for (size_t i = 0; i < net_closed_count; i++)
		text_add(out, "add element inet %s closed { %s }\n", s->net_table,
			 net_closed[i].network);
	text_add(out, "add element inet %s closed { %s }\n", s->net_table, s->net_range);
	return 0;
}

int net_rules_guard(const struct settings *s, struct text *out)
{
	text_add(out,
		 "add table inet %s" NET_GUARD " { flags owner; }\n"
		 "flush table inet %s" NET_GUARD "\n"
		 "table inet %s" NET_GUARD " {\n"
		 "\tflags owner\n"
		 "\tchain ask {\n"
		 "\t\t" HAS_PASSED " == 0 drop\n"
		 "\t\t" IS_OVER "\n"
		 "\t}\n"
		 "\tchain through_host {\n"
		 "\t\ttype filter hook forward priority filter + 5; policy accept;\n"
		 "\t\t" FROM_LINK " goto ask\n"
		 "\t\t" TO_LINK " goto ask\n"
		 "\t}\n"
		 "\tchain to_host {\n"
		 "\t\ttype filter hook input priority filter + 5; policy accept;\n"
		 "\t\t" FROM_LINK " goto ask\n"
		 "\t}\n"
		 "\tchain from_host {\n"
		 "\t\ttype filter hook output priority filter + 5; policy accept;\n"
		 "\t\t" TO_LINK " goto ask\n"
		 "\t}\n"
		 "}\n", s->net_table, s->net_table, s->net_table);
	return out->failed ? -1 : 0;
}
