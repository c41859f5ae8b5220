/* SPDX-License-Identifier: Apache-2.0 */
/* The graph in Graphviz' language: a table for each section, its lists of rules and servers in it,
 * an arrow for each way. Everything from the site passes put(). */
#include "graph.h"
#include "show.h"

#define SERVERS_SHOWN 5
#define BINDS_SHOWN 4
#define LINE_MAX_BYTES 48

static const struct look {
	const char *head, *line, *word;
} looks[TIERS] = {
	[TIER_ENTRY] = { "#2f6db5", "#c9dcf2", "frontend" },
	[TIER_RULES] = { "#8a6d1d", "#efe3bd", "reqrules" },
	[TIER_BACKEND] = { "#2c7a4b", "#cfe8d8", "backend" },
	[TIER_ANSWERS] = { "#6c4a9e", "#e2d8f1", "rsprules" },
};

#define DEAD_INK "#9aa3ad"

/* Text between tags; what is no printable ASCII and no UTF-8 lead is dropped to a dot. */
static void put(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\\')
			fputs("&#92;", out);
		else if (c < 0x20 || c == 0x7f)
			putc('.', out);
		else
			putc(c, out);
	}
}

/* Bytes that are no UTF-8 would stop Graphviz. */
static struct str clean(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		size_t more = c < 0x80                ? 0
			      : c >= 0xc2 && c < 0xe0 ? 1
			      : c >= 0xe0 && c < 0xf0 ? 2
						      : 9;
		bool good = more < 3 && i + more < s.n;

		for (size_t k = 1; good && k <= more; k++)
			good = ((unsigned char)s.p[i + k] & 0xc0) == 0x80;
		if (good && c == 0xe0)
			good = (unsigned char)s.p[i + 1] >= 0xa0;
		if (good && c == 0xed)
			good = (unsigned char)s.p[i + 1] < 0xa0;
		p[n] = '.';
		if (good)
			memcpy(p + n, s.p + i, more + 1);
		n += good ? more + 1 : 1;
		i += good ? more : 0;
	}
	return str_of(p, n);
}

static void put_clean(FILE *out, struct arena *a, struct str s)
{
	put(out, clean(a, s));
}

static void cell(FILE *out, const struct graph *g, struct str text, const char *ink)
{
	struct str s = clean(g->a, text), first = str_first(s, LINE_MAX_BYTES);

	fprintf(out, "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"9\" COLOR=\"%s\">", ink);
	while (first.n < s.n && first.n && ((unsigned char)s.p[first.n] & 0xc0) == 0x80)
		first.n--;
	put(out, first);
	fputs(first.n < s.n ? "…</FONT></TD></TR>" : "</FONT></TD></TR>", out);
}

/* ---- what stands in a section ---- */

static void binds(FILE *out, const struct graph *g, const struct p_section *s, const char *ink)
{
	for (uint32_t i = 0; i < s->nbinds && i < BINDS_SHOWN; i++) {
		struct show_buffer b;
		struct str text;

		show_open(&b);
		show_addr(b.out, &s->binds[i].addr);
		text = show_close(&b, g->a);
		cell(out, g,
		     arena_printf(g->a, "⇥ %.*s%s", STR_ARG(text),
				  s->binds[i].tls.on ? " TLS" : ""),
		     ink);
	}
	if (s->nbinds > BINDS_SHOWN)
		cell(out, g, arena_printf(g->a, "and %u more binds", s->nbinds - BINDS_SHOWN), ink);
}

static void servers(FILE *out, const struct graph *g, const struct p_section *s, const char *ink)
{
	const struct p_section *own = s->servers_of ? s->servers_of : s;

	if (own != s)
		cell(out, g, arena_printf(g->a, "servers of %.*s", STR_ARG(own->name)), ink);
	for (uint32_t i = 0; own == s && i < s->nservers && i < SERVERS_SHOWN; i++) {
		const struct p_server *v = &s->servers[i];
		struct show_buffer b;
		struct str text;

		show_open(&b);
		show_addr(b.out, &v->addr);
		text = show_close(&b, g->a);
		cell(out, g,
		     arena_printf(g->a, "%.*s %.*s%s%s", STR_ARG(v->name), STR_ARG(text),
				  v->backup ? " backup" : "", v->disabled ? " disabled" : ""),
		     v->disabled ? DEAD_INK : ink);
	}
	if (own == s && s->nservers > SERVERS_SHOWN)
		cell(out, g, arena_printf(g->a, "and %u more servers", s->nservers - SERVERS_SHOWN),
		     ink);
}

/* "3 deny, 1 redir": what its rules answer by themselves. */
static void answers(FILE *out, const struct graph *g, const struct p_section *s, const char *ink)
{
	static const struct {
		enum action_id id;
		const char *word;
	} kinds[] = { { ACT_DENY, "deny" },   { ACT_DROP, "drop" },       { ACT_TARPIT, "tarpit" },
		      { ACT_REDIR, "redir" }, { ACT_RESPOND, "respond" }, { ACT_AUTH, "auth" } };
	struct textbuf b = { 0 };
	uint32_t rules = 0;

	for (int dir = 0; dir < RULE_DIRS; dir++)
		rules += s->chains[dir].n;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		uint32_t n = 0;

		for (int dir = 0; dir < RULE_DIRS; dir++)
			for (uint32_t i = 0; i < s->chains[dir].n; i++)
				for (uint32_t m = 0; m < s->chains[dir].rules[i]->nactions; m++)
					n += s->chains[dir].rules[i]->actions[m].id == kinds[k].id;
		if (n)
			textbuf_put(g->a, &b, arena_printf(g->a, ", %u %s", n, kinds[k].word));
	}
	if (rules)
		cell(out, g,
		     arena_printf(g->a, "%u rule%s%.*s", rules, rules == 1 ? "" : "s", (int)b.n,
				  b.p ? b.p : ""),
		     ink);
}

/* ---- nodes ---- */

static const char *word_of(const struct p_section *s)
{
	return s->kind == SEC_LISTEN ? "listen"
				     : looks[s->kind == SEC_BACKEND    ? TIER_BACKEND
					     : s->kind == SEC_FRONTEND ? TIER_ENTRY
					     : s->kind == SEC_RSPRULES ? TIER_ANSWERS
								       : TIER_RULES]
					       .word;
}

static void put_id(FILE *out, const struct graph_node *n)
{
	if (n->section)
		fprintf(out, "s%u", n->section->index);
	else
		fprintf(out, "rest%d", (int)n->tier);
}

static void put_node(FILE *out, const struct graph *g, const struct graph_node *n)
{
	const struct look *l = &looks[n->tier];
	const char *ink = n->dead ? DEAD_INK : "#24313f";

	fputs("    ", out);
	put_id(out, n);
	if (!n->section) {
		fprintf(out,
			" [label=<<I>%u more %s%s</I>>, shape=box, style=\"dashed,rounded\", "
			"color=\"%s\", fontcolor=\"%s\"];\n",
			n->rest, n->tier == TIER_ENTRY ? "frontend" : l->word,
			n->tier == TIER_ENTRY || n->tier == TIER_BACKEND ? "s" : "", l->head,
			l->head);
		return;
	}
	fprintf(out,
		" [label=<<TABLE BORDER=\"1\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\" "
		"BGCOLOR=\"#ffffff\" COLOR=\"%s\" STYLE=\"%s\"><TR><TD ALIGN=\"LEFT\" "
		"BGCOLOR=\"%s\"><FONT COLOR=\"%s\" POINT-SIZE=\"9\">%s </FONT><FONT "
		"COLOR=\"%s\"><B>",
		n->dead ? DEAD_INK : l->head, n->dead ? "DASHED" : "SOLID",
		n->dead ? "#eef0f2" : l->line, n->dead ? DEAD_INK : l->head, word_of(n->section),
		n->dead ? DEAD_INK : "#10202f");
	put_clean(out, g->a, n->section->name);
	fputs("</B></FONT></TD></TR>", out);
	if (n->dead)
		cell(out, g, arena_printf(g->a, "no request gets here [%s]", n->dead), DEAD_INK);
	binds(out, g, n->section, ink);
	answers(out, g, n->section, ink);
	if (n->section->kind == SEC_BACKEND || n->section->kind == SEC_LISTEN)
		servers(out, g, n->section, ink);
	fputs("</TABLE>>, shape=plain, tooltip=\"", out);
	if (n->section->place.line && n->section->place.file < g->p->nfiles)
		put_clean(out, g->a,
			  arena_printf(g->a, "%.*s:%u",
				       STR_ARG(g->p->files[n->section->place.file]),
				       n->section->place.line));
	fputs("\"];\n", out);
}

/* Sections that nothing leads to and that lead nowhere say nothing in a picture of ways. */
static bool drawn(const struct graph_node *n)
{
	return n->section && n->shown == n &&
	       (n->weight || n->tier == TIER_ENTRY || n->tier == TIER_BACKEND);
}

static void put_tier(FILE *out, const struct graph *g, enum graph_tier tier)
{
	fputs(tier == TIER_ENTRY ? "  { rank=min;\n" : "  {\n", out);
	for (uint32_t i = 0; i < g->p->nsections; i++)
		if (g->nodes[i].tier == tier && drawn(&g->nodes[i]))
			put_node(out, g, &g->nodes[i]);
	if (g->rest[tier].rest)
		put_node(out, g, &g->rest[tier]);
	fputs("  }\n", out);
}

/* ---- edges ---- */

static void put_edge(FILE *out, const struct graph *g, const struct graph_edge *e)
{
	static const char *const colours[WAYS] = { "#8a6d1d", "#2c7a4b", "#5b6b7b", "#6c4a9e" };
	static const char *const styles[WAYS] = { "solid", "solid", "dashed", "dotted" };
	const char *colour = e->code ? DEAD_INK : colours[e->way];
	uint32_t live = e->rules - e->dead, more = e->code ? e->rules - 1 : live - 1;

	fputs("  ", out);
	put_id(out, e->from);
	fputs(" -> ", out);
	put_id(out, e->to);
	fprintf(out, " [color=\"%s\", fontcolor=\"%s\", style=\"%s\", penwidth=%s, label=<", colour,
		colour, e->code ? "dashed" : styles[e->way], e->code ? "0.8" : "1.3");
	put_clean(out, g->a, e->label);
	if (more)
		fprintf(out, "%s+ %u more", e->label.n ? "<BR/>" : "", more);
	if (e->code)
		fprintf(out, "%snever [%s]", e->label.n || more ? "<BR/>" : "", e->code);
	if (!e->label.n && !more && !e->code)
		fputs(" ", out);
	fputs(">, tooltip=\"", out);
	if (e->place.line && e->place.file < g->p->nfiles)
		put_clean(out, g->a,
			  arena_printf(g->a, "%.*s:%u", STR_ARG(g->p->files[e->place.file]),
				       e->place.line));
	fputs("\"];\n", out);
}

void graph_dot(const struct graph *g, FILE *out)
{
	fputs("digraph site {\n"
	      "  graph [rankdir=LR, ranksep=1.1, nodesep=0.22, splines=true, bgcolor=\"#ffffff\", "
	      "pad=0.3, fontname=\"Helvetica\", fontsize=10, fontcolor=\"#5b6b7b\", "
	      "labelloc=b, label=<",
	      out);
	put_clean(out, g->a, g->p->site);
	if (g->hidden)
		fprintf(out, ": %u more arrows are not drawn", g->hidden);
	fputs(">];\n"
	      "  node [fontname=\"Helvetica\", fontsize=11];\n"
	      "  edge [fontname=\"Helvetica\", fontsize=8.5, arrowsize=0.7];\n",
	      out);
	for (int tier = 0; tier < TIERS; tier++)
		put_tier(out, g, (enum graph_tier)tier);
	for (size_t i = 0; i < g->edges.n; i++)
		put_edge(out, g, g->edges.all[i]->object);
	fputs("}\n", out);
}
