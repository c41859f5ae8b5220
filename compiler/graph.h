/* SPDX-License-Identifier: Apache-2.0 */
/* graph: a site as a picture: where requests come in, which rules hand them on to which sections,
 * and what is proved never to happen. */
#ifndef WEIR_GRAPH_H
#define WEIR_GRAPH_H

#include "program.h"
#include "symbol.h"

#define GRAPH_TIER_MAX                                                                             \
	40 /* sections of one kind that are drawn one by one, unless told otherwise */
#define GRAPH_EDGES_MAX 4000 /* edges drawn; the rest is said in a note */

enum graph_tier { TIER_ENTRY, TIER_RULES, TIER_BACKEND, TIER_ANSWERS, TIERS };

/* A section, or the rest of a tier. */
struct graph_node {
	enum graph_tier tier;
	const struct p_section *section; /* NULL: the rest of its tier, <rest> of them */
	uint32_t rest, weight; /* weight: edges that touch it */
	const char *dead; /* code of the proof that no request gets there, or NULL */
	struct graph_node *shown; /* itself, or the node that stands for it */
};

enum graph_way { WAY_JUMP, WAY_CHOICE, WAY_DEFAULT, WAY_ANSWER, WAYS };

/* All rules of one kind from one section to another. */
struct graph_edge {
	struct graph_node *from, *to;
	enum graph_way way;
	uint32_t rules, dead; /* dead: of them, those that no request takes */
	struct str label; /* of the first live one: its condition, or the map */
	const char *code; /* all are dead: of the proof */
	struct p_place place; /* of the first */
};

struct graph {
	struct arena *a;
	const struct program *p;
	struct graph_node *nodes; /* by section */
	struct graph_node rest[TIERS];
	struct symbols edges; /* struct graph_edge, in order */
	uint32_t hidden; /* edges beyond GRAPH_EDGES_MAX */
};

/* Draws nothing yet. <codes>: of dead rules and sections, by place: see graph_dead(). At most <max>
 * nodes a tier. All is in <a>. */
void graph_make(struct graph *g, struct arena *a, const struct program *p, uint32_t max,
		const char *(*dead)(void *arg, struct p_place place), void *arg);
/* The graph in Graphviz' language (DOT). Texts of the site are escaped. */
void graph_dot(const struct graph *g, FILE *out);

#endif
