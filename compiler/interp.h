/* SPDX-License-Identifier: Apache-2.0 */
/* interp: evaluates a rule program on one request, exactly as docs/language.md says, one short
 * function a sentence. Slow and
 * obvious: the oracle that generated code and analysis are compared with. All results are plain
 * structs in the given arena.
 * Refuses: bodies, framing and hop-by-hop fields, health, queues and time; checkpoints let every
 * request pass, and counting changes no counter. */
#ifndef WEIR_INTERP_H
#define WEIR_INTERP_H

#include <time.h>

#include "request.h"

#define INTERP_MATCH_LIMIT 100000 /* PCRE2 match limit of one match */

/* A test of what is not known, taken as one or the other. */
struct interp_assumed {
	const struct p_test *test;
	bool holds;
};

/* What is known of a request, of which a log line is all that is left. Facts of the time at which it
 * came (servers that were up, rates, dates) are not known, nor is what the server answered but its
 * status. */
struct interp_known {
	bool host, src, dst;
	uint32_t nheaders;
	const struct str *headers; /* these in full, in lower case; of others nothing is known */
	uint32_t nassumed;
	const struct interp_assumed *assumed;
};

/* A test that decides whether a rule matches, and of which that is not known: the rule is taken as
 * not matching. Rules that cannot change where the request goes, nor what others read, are not
 * noted. */
struct interp_doubt {
	const struct p_rule *rule;
	const struct p_test *test; /* NULL: what the rule does is not known */
	const struct p_subject *subject; /* NULL: the client's credentials */
};

#define INTERP_DOUBTS_MAX 4 /* noted: of more, these */

/* What rules read besides the message. Zero is a good default: random() gives 0, date the epoch,
 * nbsrv all servers. */
struct interp_state {
	uint32_t random; /* random(N) is this modulo N */
	time_t now;
	const int64_t *nbsrv; /* by section index, or NULL: servers that are not disabled */
	const int64_t *conns, *qlen, *rate, *conc, *queued; /* likewise, or NULL: 0 */
	const struct str *params; /* by param index, p NULL: its default; or NULL */
	/* the outcome has only the rules that matched or hit a limit, without tests and effects;
	 * else it is the same */
	bool brief;
	/* all parts of a condition are looked at, also those that do not count any more */
	bool whole;
	const struct p_rule *without; /* is passed over; NULL: none */
	/* compiled expressions by index, NULL at first, kept from run to run of one program; or
	 * NULL. interp_codes_free() gives them back */
	void **codes;
	const struct interp_known *known; /* NULL: all; else <brief> too, and not <whole> */
};

/* A sub-condition looked at, in order. Conditions are evaluated from the left and only as far as
 * needed. */
struct trace_test {
	const struct p_test *test; /* one of the two */
	const struct p_acl *acl;
	unsigned depth; /* 0: in the rule, 1: inside an acl … */
	bool held;
	struct str subject; /* value(s) looked at, joined by ", "; p NULL: absent */
};

/* A rule reached. */
struct trace_rule {
	const struct p_rule *rule;
	const struct p_section *section; /* whose chain runs */
	enum rule_dir dir;
	bool matched, limit; /* limit: a regex reached its match limit */
	uint32_t ntests, neffects;
	struct trace_test *tests;
	struct str *effects; /* what each action did, a sentence each */
};

enum verdict {
	VERDICT_FORWARD,
	VERDICT_DENY,
	VERDICT_TARPIT,
	VERDICT_REDIR,
	VERDICT_RESPOND,
	VERDICT_AUTH,
	VERDICT_DROP,
	VERDICT_ERROR
};

struct interp_message {
	struct str meth, uri, version; /* uri: the target that is sent */
	struct str host, path, query; /* p NULL: absent */
	struct fields headers;
};

struct interp_answer {
	bool present, made; /* not present: dropped */
	uint16_t status;
	struct str reason;
	struct fields headers;
	struct str body, file; /* of made answers */
};

struct outcome {
	const struct p_section *entry;
	const struct p_bind *bind; /* or NULL */
	/* of the first answer that was made, FORWARD when none was before a server's */
	enum verdict verdict;
	/* rule of the verdict, or that chose the backend; NULL: none */
	const struct p_rule *decided;
	struct str why; /* ERROR and messages without a rule: a sentence */
	const struct p_section *backend; /* chosen, or NULL */
	const struct p_section *servers; /* section whose servers are used */
	bool forwarded; /* a server would get <request> */
	struct interp_message request; /* as forwarded, or as it was when it was answered */
	struct interp_answer answer; /* what the client gets */
	uint32_t nrules;
	struct trace_rule *rules;
	struct str *captures[2], *vars; /* by slot: of requests, of responses; p NULL: unset */
	int64_t log_level; /* -1: unset */
	struct p_net src, dst;
	uint16_t src_port, dst_port;
	uint32_t ndoubts; /* with <known> */
	struct interp_doubt doubts[INTERP_DOUBTS_MAX];
};

/* Never fails: what is wrong with the request is its outcome. Everything is in <a>. */
struct outcome *interp_run(struct arena *a, const struct program *p, const struct request_spec *r,
			   const struct interp_state *st);

/* Does the request, as it comes in, meet <e>, a condition of rules on requests? False, too, when it
 * cannot enter the site. */
bool interp_holds(struct arena *a, const struct program *p, const struct request_spec *r,
		  const struct interp_state *st, const struct p_expr *e);

/* The expressions of a program with <n> of them, not the array. */
void interp_codes_free(void **codes, uint32_t n);

extern const char *const verdict_names[];

#endif
