/* SPDX-License-Identifier: Apache-2.0 */
/* check_site: requires options, binds and servers of all sections. Reports sites that listen
 * nowhere, addresses bound twice, and options that the mode of their section never looks at. */
#include "model.h"
#include "option.h"

/* Options that only one mode looks at. */
static const struct {
	int id;
	enum p_mode mode;
	bool front;
} modal[] = {
	{ OPT_TIMEOUT_KEEPALIVE, MODE_HTTP, true },
	{ OPT_TIMEOUT_HEAD, MODE_HTTP, true },
	{ OPT_TIMEOUT_BODY, MODE_HTTP, true },
	{ OPT_RATE_MIN, MODE_HTTP, true },
	{ OPT_FORWARDFOR, MODE_HTTP, true },
	{ OPT_ERROR, MODE_HTTP, true },
	{ OPT_PREREAD, MODE_TCP, true },
	{ OPT_REUSE, MODE_HTTP, false },
	{ OPT_POOL, MODE_HTTP, false },
	{ OPT_FORWARD_RAW, MODE_HTTP, false },
};

/* Own statements alone: a profile may serve sections of both modes. */
static void check_mode(const struct entity *e)
{
	for (size_t i = 0; i < sizeof(modal) / sizeof(*modal); i++) {
		const struct vec *list = &e->opts[modal[i].id];
		const struct option_use *use = list->n ? list->p[0] : NULL;
		enum p_mode mode = modal[i].front && e->kind != SEC_BACKEND ? e->out->front_mode
									    : e->out->back_mode;

		if (use && !use->origin && mode != modal[i].mode)
			diag(W213, use->opt->at, option_row(modal[i].id)->words,
			     mode == MODE_TCP ? "tcp" : "http");
	}
}

static bool agrees_on_h2(const struct p_server *s)
{
	struct str alpn = s->tls.alpn;

	while (s->tls.on && alpn.n)
		if (str_eq(str_cut(&alpn, ','), S("h2")))
			return true;
	return false;
}

/* A connection that several clients share cannot tell the address of one (S81). */
static void check_shared(const struct p_section *s)
{
	bool never = s->settings[OPT_REUSE].set && s->settings[OPT_REUSE].num == 0;

	for (uint32_t i = 0; i < s->nservers; i++) {
		const struct p_server *v = &s->servers[i];
		struct at at = diag_line(v->place.file, v->place.line);
		bool h2 = str_eq(v->proto, S("h2")), agrees = agrees_on_h2(v);

		if (h2 && v->tls.alpn.n && !agrees)
			diag(E007, at, STR_ARG(v->proto), "proto", "alpn says another protocol");
		else if (s->back_mode == MODE_TCP && h2)
			diag(E007, at, STR_ARG(v->proto), "proto", "the section is of mode tcp");
		else if (s->back_mode != MODE_TCP && v->send_proxy && (h2 || agrees) && !never)
			diag(E066, at, STR_ARG(v->name));
	}
}

/* What a bind takes from the system, as text; empty: known at start only. */
static struct str bound(struct arena *a, const struct p_bind *b)
{
	static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff };
	const struct p_addr *x = &b->addr;
	struct textbuf t = { 0 };

	if (x->text || x->kind == ADDR_NONE || x->kind == ADDR_FD)
		return S("");
	if (x->kind != ADDR_INET)
		return arena_printf(a, "%d %.*s", x->kind, STR_ARG(x->path));
	textbuf_put(a, &t, str_of((const char *)(x->any_host ? any4 : x->ip.addr), 16));
	textbuf_put(a, &t, arena_printf(a, " %u %.*s", x->port, STR_ARG(b->interface)));
	return textbuf_str(&t);
}

static void check_binds(struct model *m)
{
	const struct ast_section *file = m->ast->sections;
	struct symbols seen = { 0 };
	bool any = false;

	for (size_t i = 0; i < m->entities.n; i++) {
		const struct p_section *s = ((const struct entity *)m->entities.p[i])->out;

		any = any || s->nbinds;
		for (uint32_t k = 0; k < s->nbinds; k++) {
			struct str key = bound(m->arena, &s->binds[k]);
			const struct p_bind *first;

			if (!key.n)
				continue;
			first = symbol_put(m->arena, &seen, key, &s->binds[k]);
			if (first == &s->binds[k])
				continue;
			diag(E091, diag_line(s->binds[k].place.file, s->binds[k].place.line));
			diag_note(diag_line(first->place.file, first->place.line),
				  "the first one is here");
		}
	}
	/* A file of acls and the like alone is for others to include. */
	if (!any && (m->entities.n || !file->stmts) && !diag_errors())
		diag(W214, (struct at) { 0 });
}

void check_site(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		check_mode(m->entities.p[i]);
		check_shared(((const struct entity *)m->entities.p[i])->out);
	}
	check_binds(m);
}
