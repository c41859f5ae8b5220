/* SPDX-License-Identifier: Apache-2.0 */
/* diff: structural comparison of two rule programs. Sections, acls, sets, maps, params, servers
 * and binds are identified by name,
 * rules by their content; a rule that kept its content and not its order has moved. Places,
 * comments, spelling and profiles
 * that give the same values make no difference. Refuses to say which requests are treated
 * differently: it proves nothing. */
#ifndef WEIR_DIFF_H
#define WEIR_DIFF_H

#include "program.h"

enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED, DIFF_MOVED };

struct diff_item {
	enum diff_change change;
	/* "section" "rule" "acl" "setting" "server" "bind" "error" "log" "set" "map" "param" */
	const char *kind;
	struct str section; /* empty: the site */
	const char *dir; /* of rules, else NULL */
	struct str name; /* empty for rules */
	struct str old, new; /* contents for people; empty where there is none */
	struct p_place old_at, new_at; /* line 0: none */
};

struct diff {
	struct arena *a;
	const struct program *old, *new;
	uint32_t n, room;
	struct diff_item *items; /* by section, in the new one's order */
};

/* Compares; what <d> holds is in <a>. Time is near linear in the number of rules. */
void diff_compare(struct diff *d, struct arena *a, const struct program *old,
		  const struct program *new);
/* The differences as text, a line each below the names of sections; as elements of a JSON array. */
void diff_items(const struct diff *d, FILE *out);
void diff_json_items(const struct diff *d, FILE *out);

/* diff_rules.c: one list of rules */
void diff_chain(struct diff *d, struct str section, const struct p_chain *old,
		const struct p_chain *new);
void diff_add(struct diff *d, struct diff_item item);

#endif
