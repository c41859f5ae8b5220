/* SPDX-License-Identifier: Apache-2.0 */
/* rule: evaluates a chain of generated rules on an exchange: conditions, subjects, converters,
 * texts, actions. Subjects, converters, actions and the regex engine are optional parts: one object
 * file each, named only by the generated tables. No allocation (scratch of the thread), no lock, no
 * lookup by name. */
#ifndef WEIR_PROXY_RULE_H
#define WEIR_PROXY_RULE_H

#include "exchange.h"

/* One value of a subject. <s> points into the message, the scratch or constant text. */
struct val {
	struct str s; /* STR */
	int64_t num; /* INT, BOOL */
	struct addr ip; /* ADDR */
};

/* State of one fetch; zeroed before the first call. */
struct fetch {
	uint32_t at; /* header index, offset: private to the subject */
	bool begun;
};

struct rule_run;

struct subject_part {
	const char *name;
	/* Next occurrence into *<v>; false: no more (none at all: absent). */
	bool (*next)(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		     struct val *v);
};

/* tcp mode: how long the first bytes are gathered before the rules run. */
struct preread_part {
	const char *name;
	bool (*more)(struct str bytes); /* what rules look for is not whole yet */
};

struct conv_part {
	const char *name;
	/* Converts *<v> in place. False: the value becomes absent. <again>: one value may become
	 * several (list, which stands once in a chain): called with *<again> > 0 for the next ones
	 * until it leaves it 0. */
	bool (*run)(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again);
};

enum act_result {
	ACT_NEXT, /* go on with the next action */
	ACT_ENDS, /* this section's rules of this direction are over */
	ACT_SWITCH, /* r->target is the section to go to */
	ACT_ANSWER, /* final: r->answer says what to send */
	ACT_DROP, /* final: close without an answer */
	ACT_FAIL /* the edit would give no valid or too large a message: 500 and a log line */
};

struct action_part {
	const char *name;
	enum act_result (*run)(struct rule_run *r, const struct ws_action *a);
	/* Each may be NULL. <load>: by conf_load, before rights are given up; false after messages
	 * on <err>. <init>: before the threads. <thread_stop>: at the end of each thread. */
	bool (*load)(FILE *err);
	void (*init)(void);
	void (*thread_stop)(void);
};

#define REGEX_GROUPS 10

struct regex_part {
	const char *name;
	/* At start, and when an entry is added: then <row> is NULL, else it stays as long as the code.
	 * NULL and a sentence in <why>. */
	struct regex_code *(*compile)(const struct ws_regex *row, struct str pattern,
				      uint32_t flags, struct str *why);
	/* All rows of the site, before it listens; what fails stays NULL, with a sentence in <whys>
	 * that is the caller's to free. */
	void (*load)(const struct regex_part *part, struct regex_code **codes, struct str *whys);
	void (*free)(struct regex_code *code);
	/* 1 match (groups filled when <groups> is not NULL: unset ones empty), 0 none, -1 limit
	 * reached. */
	int (*match)(const struct regex_code *code, struct str subject, struct str *groups);
	int (*thread_start)(void);
	void (*thread_stop)(void);
};

/* The load of all engines. */
void regex_load(const struct regex_part *part, struct regex_code **codes, struct str *whys);

struct balance_part {
	const char *name;
	/* One of the usable servers of <be> other than <avoid> (WS_NONE: any); <backup>: of the
	 * backup ones, else of the others. There is at least one. A full one when all are. */
	struct server *(*pick)(struct exchange *x, struct back *be, bool backup, uint32_t avoid);
	bool insists; /* a full server is waited for, though others have room */
};

/* A made answer as an action asks for it; sent by the exchange. */
struct rule_answer {
	uint16_t status;
	/* tarpit, pass: takes the exchange over (tarpit: for <hold_ms>); or NULL */
	void (*hold)(struct exchange *x, const struct rule_answer *a);
	uint64_t hold_ms;
	const struct page_part *page; /* respond stats, respond metrics */
	struct str realm; /* auth: what the client is asked to log in to */
	struct str location; /* redir: in the scratch, copied before the next rule */
	const struct ws_answer *ws; /* respond */
	struct str body; /* respond: in scratch or constant */
};

/* One run of one chain. */
struct rule_run {
	struct exchange *x;
	struct msg *
		m; /* the message that edits change: x->req or x->rsp; NULL in conn, sess and tcp */
	enum ws_dir dir;
	const struct ws_section *section; /* whose rules run */
	const struct ws_rule *rule;
	struct addr src, dst; /* conn in: there is no exchange yet */
	struct conn *conn; /* conn in and sess in */
	struct x_value **vars; /* of the exchange or, before it, of the session */
	struct turn **turns; /* likewise (checkpoint.h) */
	uint8_t *log_level; /* likewise */
	struct str groups[REGEX_GROUPS]; /* \0 to \9: of the line's test, or of the action's own
					    regex while it writes */
	bool limit; /* a regex reached its match limit: the rule's on-limit */
	bool ends, jump; /* actions of <rule> so far end the section's rules, go to <target> */
	uint32_t target; /* ACT_SWITCH */
	struct rule_answer answer;
};

/* How a chain ended. */
enum rule_end { RULES_DONE, RULES_SWITCH, RULES_ANSWER, RULES_DROP, RULES_FAIL };

/* Runs the rules of direction <dir> of section <ws> on <x>. */
enum rule_end rules_run(struct rule_run *r, const struct ws_section *ws, enum ws_dir dir);

/* Goes on behind action <a> of r->rule, which has suspended the rules of r->section, r->dir: the
 * scratch holds what r->groups needs. The rest is tested one rule after another. */
enum rule_end rules_resume(struct rule_run *r, const struct ws_action *a);

/* For parts. */
bool rule_cond(struct rule_run *r, uint32_t node);
bool rule_test(struct rule_run *r, const struct ws_test *t);
/* Next occurrence of subject row <s> after converters; zero <it> first. */
struct occurrence {
	struct fetch fetch;
	struct val base;
	uint32_t again;
	bool more;
};
bool rule_next(struct rule_run *r, uint32_t subject, struct occurrence *it, struct val *v);
/* Evaluates a written text into the scratch; false: it does not fit. Several occurrences are joined
 * by ", ". */
bool rule_text(struct rule_run *r, uint32_t text, struct str *out);
/* <v> as text in the scratch (numbers and addresses formatted). */
bool rule_val_text(struct rule_run *r, const struct ws_subject *s, const struct val *v,
		   struct str *out);
char *rule_scratch(size_t n); /* NULL: full */
/* The request target as it would be sent, in the scratch when it was edited; empty: the scratch is
 * full. */
struct str rule_target(const struct msg *m);
/* Its start line as rules see it, in the scratch; empty: full. */
struct str rule_line(struct rule_run *r, const struct msg *m);
/* The request; in responses as the req in rules left it. */
struct msg *rule_request(struct rule_run *r, bool in_response);
struct addr rule_src(const struct rule_run *r);
struct addr rule_dst(struct rule_run *r);
/* All occurrences of a subject joined by ", ", in the scratch. */
bool rule_subject_text(struct rule_run *r, uint32_t subject, struct str *out);
/* The entry of <m> for <v>: exact key, longest prefix, suffix, word or network, first regex. Its
 * value into *<section> for switch and setbe, else, when <section> is NULL, into *<text>: until the
 * rule is done. */
bool rule_map(struct rule_run *r, const struct ws_map *m, const struct val *v, uint32_t *section,
	      struct str *text);
/* Edits that several places need. False: no message that may be sent. */
bool rule_mapuri(struct rule_run *r, const struct ws_action *a, bool *hit);
bool rule_maploc(struct rule_run *r, struct str old, struct str new);
bool rule_set_host(struct msg *m, struct str host);
bool rule_set_status(struct rule_run *r, unsigned status, struct str reason);
/* One value of a test against one of a subject; maps use it too. */
bool rule_match(struct rule_run *r, const struct ws_subject *s, uint8_t op,
		const struct ws_value *w, const struct val *v);
bool rule_match_str(const struct ws_subject *s, uint8_t op, struct str text, struct str want,
		    uint8_t flags);
/* A number that is not a range has <lo> and <hi> alike. */
bool rule_match_int(uint8_t op, int64_t n, int64_t lo, int64_t hi);
bool rule_match_regex(struct rule_run *r, const struct regex_code *code, struct str text,
		      bool capturing);
/* The next pair of a Cookie line from *<pos>: name=value, split by ; (RFC 6265 4.2.1). Quotes
 * around a value are part of it. */
bool rule_cookie_pair(struct str line, uint32_t *pos, struct str *name, struct str *value);
/* Header-value text: no CR, LF, NUL may reach a message. False when <s> holds one. */
bool rule_value_safe(struct str s);

/* A capture or a variable: it lives as long as the exchange; those of a session as long as that. */
struct x_value {
	char *p; /* NULL: not set */
	uint32_t n;
	uint32_t class; /* of the pool it came from */
};
#define VALUE_MAX 8192
/* Sets capture <i>; at most <max> bytes (and VALUE_MAX) are kept. False: memory is out. */
bool rule_capture(struct exchange *x, uint32_t i, struct str value, size_t max);
void rule_forget(struct exchange *x, uint32_t i);
/* Sets variable <i>; at most VALUE_MAX bytes are kept. False: memory is out. */
bool rule_set_var(struct x_value **vars, uint32_t i, struct str value);
/* Makes <*to>, NULL, like <from>, which may be NULL. False: memory is out, <*to> is NULL. */
bool rule_copy_vars(struct x_value **to, const struct x_value *from);
/* Gives them back; <*vars> becomes NULL. */
void rule_release_vars(struct x_value **vars);
void rule_release_captures(struct x_value **captures);
/* Slot <i> of captures or variables, or a NULL text when it is not set. */
struct str rule_kept(const struct x_value *slots, uint32_t i);
/* Before the threads, after conf_load. */
void rule_init(void);
/* Gives back the captures and variables of <x>. */
void rule_release(struct exchange *x);

#endif
