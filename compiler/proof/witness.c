/* SPDX-License-Identifier: Apache-2.0 */
#include "witness.h"

#define COUNTED_MAX 64 /* headers or parameters that a count() adds */

static void add_header(struct proof *g, struct request_spec *r, struct str name, struct str value)
{
	fields_add(g->a, &r->headers, arena_str(g->a, name), arena_str(g->a, value));
}

static struct str header_name(struct arena *a, struct str name)
{
	char *p = arena_get(a, name.n + 1);
	bool start = true;

	for (size_t i = 0; i < name.n; i++) {
		p[i] = start && name.p[i] >= 'a' && name.p[i] <= 'z' ? (char)(name.p[i] & ~0x20)
								     : name.p[i];
		start = name.p[i] == '-';
	}
	return str_of(p, name.n);
}

static void request_line_of(struct proof *g, const struct model *m, struct request_spec *r)
{
	r->meth = arena_str(g->a, m->meth);
	r->version = arena_str(g->a, m->version);
	r->target = arena_str(g->a, model_target(g->a, m));
	if (m->host.p)
		add_header(g, r, S("Host"), m->host);
}

static void params_of(struct proof *g, const struct proof_field *f, const struct value *v,
		      struct interp_state *st)
{
	struct str *params = (struct str *)(uintptr_t)st->params;

	if (!params)
		st->params = params = ARENA_ARRAY(g->a, struct str, g->p->nparams + 1);
	if (!f->param->has_default || !str_eq(f->param->def, v->at[0]))
		params[f->param->index] = arena_str(g->a, v->at[0]);
}

static void number_of(struct proof *g, const struct proof_field *f, int64_t n,
		      struct interp_state *st)
{
	const int64_t **at = f->id == SUBJ_NBSRV    ? &st->nbsrv
			     : f->id == SUBJ_CONNS  ? &st->conns
			     : f->id == SUBJ_RATE   ? &st->rate
			     : f->id == SUBJ_CONC   ? &st->conc
			     : f->id == SUBJ_QUEUED ? &st->queued
						    : &st->qlen;
	int64_t *all = (int64_t *)(uintptr_t)*at;

	if (!f->subject || !f->subject->section)
		return;
	if (!all) {
		*at = all = ARENA_ARRAY(g->a, int64_t, g->p->nsections + 1);
		for (uint32_t i = 0; f->id == SUBJ_NBSRV && i < g->p->nsections; i++)
			all[i] = 1;
	}
	all[f->subject->section->index] = n;
}

static void cookies_of(struct proof *g, const struct proof_field *f, const struct value *v,
		       struct textbuf *cookies)
{
	for (uint32_t i = 0; i < v->n; i++) {
		if (cookies->n)
			textbuf_put(g->a, cookies, S("; "));
		textbuf_put(g->a, cookies, f->name);
		textbuf_byte(g->a, cookies, '=');
		textbuf_put(g->a, cookies, v->at[i]);
	}
}

/* What the server answers. */
static void answer_into(struct proof *g, const struct proof_field *f, const struct value *v,
			struct request_spec *r)
{
	if (f->id == SUBJ_STATUS) {
		r->answered = true;
		r->status = (uint16_t)v->num;
	}
	for (uint32_t i = 0; f->id == SUBJ_H && i < v->n; i++) {
		r->answered = true;
		r->status = r->status ? r->status : 200;
		fields_add(g->a, &r->response, header_name(g->a, f->name),
			   arena_str(g->a, v->at[i]));
	}
}

/* count(): that many, beside those that are there for other tests. */
static void count_into(struct proof *g, const struct proof_field *f, int64_t n,
		       struct request_spec *r)
{
	const struct p_subject *s = f->subject;

	if (!s || s->measure != MEASURE_COUNT || s->convs || f->version || f->response)
		return;
	for (int64_t i = 0; i < n && i < COUNTED_MAX; i++) {
		if (f->id == SUBJ_H && !str_eq(f->name, S("host")))
			add_header(g, r, header_name(g->a, f->name), S("x"));
		else if (f->id == SUBJ_Q && str_starts(r->target, S("/")))
			r->target = arena_printf(g->a, "%.*s%c%.*s=x", STR_ARG(r->target),
						 str_chr(r->target, '?') < 0 ? '?' : '&',
						 STR_ARG(f->name));
	}
}

static void field_into(struct proof *g, const struct proof_field *f, const struct value *v,
		       struct witness *w)
{
	struct request_spec *r = &w->request;

	if (f->response)
		answer_into(g, f, v, r);
	if (f->opaque && f->kind == FIELD_INT)
		count_into(g, f, v->num, r);
	if (f->opaque || f->response)
		return;
	if (f->param) {
		params_of(g, f, v, &w->state);
		return;
	}
	switch (f->id) {
	case SUBJ_H:
		for (uint32_t i = 0; f->group->kind == GROUP_ONE && i < v->n; i++)
			add_header(g, r, header_name(g->a, f->name), v->at[i]);
		break;
	case SUBJ_SRC:
		memcpy(r->src.addr, v->addr, 16);
		break;
	case SUBJ_SRC_PORT:
		r->src_port = (uint16_t)v->num;
		break;
	case SUBJ_DST:
		memcpy(r->dst.addr, v->addr, 16);
		r->dst.bits = 128;
		break;
	case SUBJ_DST_PORT:
		r->dst_port = (uint16_t)v->num;
		r->has_dst = true;
		break;
	case SUBJ_TLS:
		r->tls = v->num != 0;
		break;
	case SUBJ_SCHEME:
		r->tls = str_eq(v->at[0], S("https"));
		break;
	case SUBJ_SNI:
		r->sni = v->n ? arena_str(g->a, v->at[0]) : r->sni;
		r->tls |= v->n > 0;
		break;
	case SUBJ_ALPN:
		r->alpn = v->n ? arena_str(g->a, v->at[0]) : r->alpn;
		r->tls |= v->n > 0;
		break;
	case SUBJ_RANDOM:
		w->state.random = (uint32_t)v->num;
		break;
	case SUBJ_NBSRV:
	case SUBJ_CONNS:
	case SUBJ_QLEN:
	case SUBJ_RATE:
	case SUBJ_CONC:
	case SUBJ_QUEUED:
		number_of(g, f, v->num, &w->state);
		break;
	default:
		break;
	}
}

/* The line of cookies, which is one header. */
static void cookies_into(struct proof *g, const struct model *m, struct request_spec *r)
{
	struct textbuf cookies = { 0 };
	const struct value *line = NULL;

	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct proof_field *f = g->fields.p[i];

		if (f->group->kind != GROUP_COOKIE)
			continue;
		if (f->id == SUBJ_H)
			line = m->values[i];
		else
			cookies_of(g, f, m->values[i], &cookies);
	}
	for (uint32_t i = 0; line && i < line->n; i++)
		add_header(g, r, S("Cookie"), line->at[i]);
	if (!(line && line->n) && cookies.n)
		add_header(g, r, S("Cookie"), textbuf_str(&cookies));
}

void witness_make(struct proof *g, const struct scene *sc, const struct model *m, struct witness *w)
{
	*w = (struct witness) { 0 };
	request_init(&w->request);
	request_line_of(g, m, &w->request);
	for (uint32_t i = 0; i < m->nfields; i++)
		field_into(g, g->fields.p[i], m->values[i], w);
	cookies_into(g, m, &w->request);
	if (sc && sc->entry)
		w->request.bind = sc->entry->name;
	w->state.brief = true;
	w->state.codes = g->codes;
	w->outcome = interp_run(g->a, g->p, &w->request, &w->state);
}

struct model *witness_guess(struct proof *g, const struct model *found)
{
	struct solver s = { .g = g, .a = g->a, .keep = g->a, .steps = &g->steps };
	struct model *m = model_copy(&s, found);

	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct proof_field *f = g->fields.p[i];
		const struct value *v = m->values[i];

		if (!f->version || f->response || f->kind != FIELD_TEXT || !v->n || !v->at[0].n)
			continue;
		if (f->id == SUBJ_METH)
			m->meth = v->at[0];
		else if (f->id == SUBJ_PATH)
			m->path = v->at[0];
		else if (f->id == SUBJ_QUERY)
			m->query = v->at[0];
		else if (f->id == SUBJ_HOST)
			m->host = v->at[0];
		for (uint32_t k = 0; k < m->nfields && f->id == SUBJ_H; k++) {
			const struct proof_field *of = g->fields.p[k];

			if (of->id == SUBJ_H && !of->version && !of->opaque && !of->response &&
			    str_eq(of->name, f->name))
				m->values[k] = m->values[i];
		}
	}
	return m;
}

bool witness_matched(const struct witness *w, const struct p_rule *rule, enum rule_dir dir)
{
	const struct outcome *o = w->outcome;

	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].rule == rule && o->rules[i].dir == dir && o->rules[i].matched)
			return true;
	return false;
}

bool witness_passed(struct proof *g, const struct witness *w, const struct p_rule *rule,
		    enum rule_dir dir)
{
	struct interp_state st = w->state;
	struct arena a = { 0 };
	struct outcome *o;
	bool passed = false;

	st.brief = false;
	o = interp_run(&a, g->p, &w->request, &st);
	for (uint32_t i = 0; i < o->nrules && !passed; i++)
		passed = o->rules[i].rule == rule && o->rules[i].dir == dir &&
			 !o->rules[i].matched && !o->rules[i].limit;
	arena_free(&a);
	return passed;
}

/* ---- as text ---- */

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || (unsigned char)s.p[i] > 0x7e)
			return false;
	return true;
}

static struct str shown(struct arena *a, struct str s)
{
	struct textbuf b = { 0 };

	if (printable(s))
		return s;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c > 0x7e)
			textbuf_put(a, &b, arena_printf(a, "\\x%02x", c));
		else
			textbuf_byte(a, &b, (char)c);
	}
	return textbuf_str(&b);
}

static bool is_usual_src(const struct p_net *n)
{
	struct request_spec usual;

	request_init(&usual);
	return memcmp(usual.src.addr, n->addr, 16) == 0;
}

unsigned witness_lines(struct arena *a, const struct witness *w, struct str *lines, unsigned max)
{
	const struct request_spec *r = &w->request;
	unsigned n = 0;

#define LINE(...)                                                                                  \
	do {                                                                                       \
		if (n < max)                                                                       \
			lines[n++] = shown(a, arena_printf(a, __VA_ARGS__));                       \
	} while (0)
	LINE("%.*s %.*s HTTP/%.*s", STR_ARG(r->meth), STR_ARG(r->target), STR_ARG(r->version));
	for (uint32_t i = 0; i < r->headers.n; i++)
		LINE("%.*s: %.*s", STR_ARG(r->headers.at[i].name), STR_ARG(r->headers.at[i].value));
	if (!is_usual_src(&r->src)) {
		struct str src = address_text(a, &r->src);

		LINE("from %.*s", STR_ARG(src));
	}
	if (r->has_dst)
		LINE("to port %u", r->dst_port);
	if (r->tls)
		LINE("over TLS%s%.*s", r->sni.n ? ", server name " : "", STR_ARG(r->sni));
	if (w->outcome && w->outcome->entry && r->bind.n)
		LINE("at %.*s", STR_ARG(r->bind));
#undef LINE
	return n;
}

static void quoted(struct arena *a, struct textbuf *b, struct str s)
{
	textbuf_byte(a, b, '\'');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\'')
			textbuf_put(a, b, S("'\\''"));
		else
			textbuf_byte(a, b, s.p[i]);
	textbuf_byte(a, b, '\'');
}

struct str witness_curl(struct arena *a, const struct witness *w, struct str where)
{
	const struct request_spec *r = &w->request;
	struct textbuf b = { 0 };
	bool path = r->target.n && r->target.p[0] == '/';

	textbuf_put(a, &b, S("curl"));
	if (str_eq(r->version, S("1.0")))
		textbuf_put(a, &b, S(" --http1.0"));
	if (!path)
		textbuf_put(a, &b, arena_printf(a, " --request-target %.*s", STR_ARG(r->target)));
	else
		textbuf_put(a, &b, S(" --path-as-is"));
	if (!str_eq(r->meth, S("GET")))
		textbuf_put(a, &b, arena_printf(a, " -X %.*s", STR_ARG(r->meth)));
	for (uint32_t i = 0; i < r->headers.n; i++) {
		struct str name = r->headers.at[i].name, value = r->headers.at[i].value;

		textbuf_put(a, &b, S(" -H "));
		quoted(a, &b,
		       value.n ? arena_printf(a, "%.*s: %.*s", STR_ARG(name), STR_ARG(value))
			       : arena_printf(a, "%.*s;", STR_ARG(name)));
	}
	textbuf_byte(a, &b, ' ');
	quoted(a, &b,
	       arena_printf(a, "%.*s%.*s", STR_ARG(where), STR_ARG(path ? r->target : S("/"))));
	return textbuf_str(&b);
}
