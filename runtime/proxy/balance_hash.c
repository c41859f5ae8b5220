/* SPDX-License-Identifier: Apache-2.0 */
/* balance source, uri and hash: the same value goes to the same server. Rendezvous hashing: each
 * server draws a number from the value and its own name, the best one takes the request. So a
 * server that comes or goes moves its own share of the values alone, whatever the order of the
 * lines, and threads and processes agree without talking. One hash for each server and request. */
#include "balance.h"
#include "rule.h"

/* MurmurHash3's last step (Appleby, public domain): each bit of the result depends on all. */
static uint64_t mix(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccd;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53;
	return v ^ v >> 33;
}

static uint64_t hash_bytes(const void *p, size_t n)
{
	const char *at = p;
	uint64_t h = n, word;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		h = mix(h ^ word);
	}
	word = 0;
	if (n)
		memcpy(&word, at, n);
	return mix(h ^ word);
}

/* The first value of the subject; without one, a random number. */
static uint64_t value_hash(struct exchange *x, const struct back *be)
{
	struct rule_run r = { .x = x,
			      .m = x->flags & X_TCP ? NULL : &x->req,
			      .dir = WS_REQ_OUT,
			      .vars = &x->vars,
			      .log_level = &x->log_level };
	uint32_t row = be->servers_ws->balance_subject;
	struct occurrence it = { 0 };
	struct val v = { 0 };

	pt()->scratch_used = 0;
	if (row == WS_NONE || !rule_next(&r, row, &it, &v))
		return thread_random();
	switch (site.ws->subjects[row].type) {
	case WS_ADDR:
		return hash_bytes(v.ip.ip, sizeof(v.ip.ip));
	case WS_STR:
		return hash_bytes(v.s.p, v.s.n);
	default:
		return hash_bytes(&v.num, sizeof(v.num));
	}
}

/* -log2 of <draw> / 2^64, 16 bits behind the point; never 0. The draws of a server with weight w
 * are divided by w, so that it wins w times as often (weighted rendezvous). */
static uint64_t minus_log2(uint64_t draw)
{
	unsigned zeros = draw ? (unsigned)__builtin_clzll(draw) : 63;
	uint64_t m = draw << zeros >> 32, log = 0;

	/* <m> is 1 to 2 with 31 bits behind the point: squaring it gives a bit of its logarithm. */
	m = m ? m : 1u << 31;
	for (int i = 0; i < 16; i++) {
		m = m * m >> 31;
		log <<= 1;
		if (m >> 32) {
			m >>= 1;
			log |= 1;
		}
	}
	return ((uint64_t)(zeros + 1) << 16) - log + 1;
}

static struct server *hash(struct exchange *x, struct back *be, bool backup, uint32_t avoid)
{
	uint64_t value = value_hash(x, be), best_score = 0;
	struct server *best = NULL;
	uint32_t best_weight = 1;

	for (uint32_t i = 0; i < be->nservers; i++) {
		struct server *s = &be->servers[i];
		uint32_t weight = s->ws ? (uint32_t)s->ws->weight : 1;
		uint64_t score;

		if (i == avoid || !server_usable(s) || server_backup(s) != backup)
			continue;
		score = minus_log2(mix(value ^ hash_bytes(s->name.p, s->name.n)));
		/* score / weight, without a division */
		if (best && score * best_weight >= best_score * weight)
			continue;
		best = s;
		best_score = score;
		best_weight = weight;
	}
	return best;
}

const struct balance_part balance_hash = { "hash", hash, true };
