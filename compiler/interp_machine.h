/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the interpreter share. Private to interp*.c. */
#ifndef WEIR_INTERP_MACHINE_H
#define WEIR_INTERP_MACHINE_H

#include "interp.h"

/* What a rule or an action leaves: rules go on, this section's rules end, or there is an answer. */
enum flow { GO_ON, ENDS, FINAL };

/* One value of a subject. */
struct value {
	enum p_type type;
	struct str s;
	int64_t n; /* INT, BOOL */
	uint8_t addr[16];
};

struct values {
	uint32_t n, room;
	struct value *at;
};

/* What \0 to \9 stand for; p NULL: nothing. */
struct groups {
	struct str at[10];
};

struct reverse_map {
	struct str from, to; /* leading path in an answer, and what the client knows it as */
};

struct machine {
	struct arena *a;
	const struct program *p;
	const struct request_spec *spec;
	const struct interp_state *st;
	struct outcome *out;
	void **codes; /* compiled regexes by index; NULL: not yet */
	struct interp_message req; /* as it is now */
	struct interp_message req_left; /* as the "req in" rules left it, for rules on responses */
	struct interp_answer *answer; /* out->answer */
	bool responding; /* rules on responses run */
	bool tls, path_edited;
	bool limit; /* a regex reached its match limit; the run stops */
	struct groups groups; /* of the line's own test */
	struct groups own; /* of the action's own regex */
	bool has_own;
	struct trace_rule *now; /* the rule that runs */
	uint32_t rules_room, tests_room, effects_room;
	const struct p_subject *unread; /* was read since this was NULL, and is not known */
	const struct p_test *unsure; /* the first test that did */
	struct reverse_map *reverse; /* of uriremap; NULL: none */
	bool *entered[2]; /* rsprules run in rsp in, rsp out, by section index */
	const struct p_section **order; /* those entered in rsp in, in order */
	uint32_t norder;
};

/* Array <at> of <room> elements of <size> bytes, grown so that index <n> exists. */
void *grown(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size);
#define GROWN(a, at, n, room) ((at) = grown((a), (at), (n), (room), sizeof(*(at))))

struct str copy(struct machine *m, const char *p, size_t n);
struct str joined(struct machine *m, struct str x, struct str y, struct str z);

/* interp_value.c */
void subject_values(struct machine *m, const struct p_subject *s, struct values *out);
/* Values as one text, joined by ", "; p NULL when there is none. */
struct str values_text(struct machine *m, const struct values *v);
struct str value_text(struct machine *m, const struct value *v);
/* A written text with every part filled in; CR, LF and NUL in it become blanks (RFC 9110 5.5). */
struct str text_value(struct machine *m, const struct p_text *t);
struct str status_line(struct machine *m);
struct str request_line_text(struct machine *m, const struct interp_message *q);

/* interp_conv.c */
void convert(struct machine *m, const struct p_conv *c, struct values *v);
/* Value of the map's entry for <key>, or p NULL. */
struct str map_value(struct machine *m, const struct p_map *map, const struct value *key);

/* interp_test.c */
bool regex_matches(struct machine *m, const struct p_regex *r, struct str subject,
		   struct groups *g);
/* First match of <r> in <subject> replaced by the text <t>, whose \N are this match's; false
 * when there is none. */
bool regex_replaced(struct machine *m, const struct p_regex *r, struct str subject,
		    const struct p_text *t, struct str *out);
void regexes_free(struct machine *m);
bool value_matches(struct machine *m, const struct p_test *t, const struct p_value *v,
		   const struct value *x);
bool expr_holds(struct machine *m, const struct p_expr *e, unsigned depth);
/* Does it hold whatever it is that is not known? UNSURE, and m->unread, when that decides. */
enum sure { SURE_NO, SURE_YES, UNSURE };
enum sure expr_surely(struct machine *m, const struct p_expr *e);
/* interp_doubt.c: with st->known only */
void doubt_read(struct machine *m, const struct p_subject *s);
bool doubt_matched(struct machine *m, const struct p_rule *r);
void doubt_action(struct machine *m, const struct p_rule *r, const struct p_action *a);
/* Groups of the rule's capturing test, which held. */
void capture_groups(struct machine *m, const struct p_test *t);

/* interp_edit.c: false when the message would be none that may be sent */
bool message_set_path(struct machine *m, struct str path);
bool message_set_uri(struct machine *m, struct str uri);
bool message_set_host(struct machine *m, struct str host);
bool edit_run(struct machine *m, const struct p_action *a);
bool edit_mapuri(struct machine *m, const struct p_action *a, bool *done);
void edit_maploc(struct machine *m, struct str old, struct str new);
/* What stickiness by cookie takes from a request behind all its rules: indirect, the cookie; prefix, the
 * part that is not the server's own. */
void edit_take_cookie(struct machine *m);
struct str header_first(const struct fields *f, struct str name);
struct fields fields_copy(struct machine *m, const struct fields *f);
void header_remove(struct fields *f, struct str name);

/* interp_start.c */
/* Chooses the entry section and its bind; both stay NULL when the site has none that fits. */
void start_entry(struct machine *m);
/* Makes m->req of the request's text. NULL, or why the answer is 400. */
const char *start_request(struct machine *m);

/* interp_answer.c: each sets the outcome's answer and verdict and returns FINAL (auth: GO_ON
 * with credentials) */
enum flow answer_make(struct machine *m, enum verdict verdict, int64_t status);
enum flow answer_error(struct machine *m, int64_t status, struct str why);
enum flow answer_redirect(struct machine *m, const struct p_action *a);
enum flow answer_respond(struct machine *m, const struct p_action *a);
enum flow answer_auth(struct machine *m, const struct p_action *a);
struct str answer_reason(int64_t status);

void effect(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
