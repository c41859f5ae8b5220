/* SPDX-License-Identifier: Apache-2.0 */
/* show: a rule of the program in the language's canonical spelling, for people: explain, diff,
 * test. Two rules that show alike
 * behave alike, but for the contents of the acls, sets and maps they name. */
#ifndef WEIR_SHOW_H
#define WEIR_SHOW_H

#include "program.h"

void show_subject(FILE *out, const struct p_subject *s);
void show_test(FILE *out, const struct p_test *t);
void show_expr(FILE *out, const struct p_expr *e);
void show_value(FILE *out, const struct p_subject *s, const struct p_value *v);
void show_action(FILE *out, const struct p_action *a);
/* Do they show alike? */
bool show_same_action(const struct p_action *x, const struct p_action *y);
/* "req in deny 403 on host_b" */
void show_rule(FILE *out, const struct p_rule *r);
/* "10.0.0.0/8" */
void show_net(FILE *out, const struct p_net *net);
/* "10.0.0.1:8080", "unix@/path" … as in a bind or server line. */
void show_addr(FILE *out, const struct p_addr *a);
/* What stands behind "bind" and "server". */
void show_bind(FILE *out, const struct p_bind *b);
void show_server(FILE *out, const struct p_server *s);
/* "req in" */
const char *show_dir(enum rule_dir dir);
/* "site.weir:12" */
void show_place(FILE *out, const struct program *p, struct p_place at);
/* "…" with escapes, as a value of the language. */
void show_quoted(FILE *out, struct str s);
/* A JSON string; bytes that are no UTF-8 come out as U+FFFD. */
void show_json(FILE *out, struct str s);

/* Runs show_rule and the like into a text of the arena: a stream to write to, then its text. */
struct show_buffer {
	FILE *out;
	char *p;
	size_t n;
};
void show_open(struct show_buffer *b);
struct str show_close(struct show_buffer *b, struct arena *a);

#endif
