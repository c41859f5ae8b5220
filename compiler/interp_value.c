/* SPDX-License-Identifier: Apache-2.0 */
#include "interp_machine.h"

#include <inttypes.h>

static void put_str(struct machine *m, struct values *v, struct str s)
{
	if (!s.p)
		return;
	GROWN(m->a, v->at, v->n, &v->room);
	v->at[v->n++] = (struct value) { .type = TYPE_STR, .s = s };
}

static void put_num(struct machine *m, struct values *v, enum p_type type, int64_t n)
{
	GROWN(m->a, v->at, v->n, &v->room);
	v->at[v->n++] = (struct value) { .type = type, .n = n };
}

static void put_addr(struct machine *m, struct values *v, const struct p_net *ip)
{
	put_num(m, v, TYPE_ADDR, 0);
	memcpy(v->at[v->n - 1].addr, ip->addr, 16);
}

struct str request_line_text(struct machine *m, const struct interp_message *q)
{
	return arena_printf(m->a, "%.*s %.*s HTTP/%.*s", STR_ARG(q->meth), STR_ARG(q->uri),
			    STR_ARG(q->version));
}

struct str status_line(struct machine *m)
{
	struct str reason = m->answer->reason;

	if (reason.n == 0)
		reason = answer_reason(m->answer->status);
	return arena_printf(m->a, "HTTP/1.1 %u %.*s", m->answer->status, STR_ARG(reason));
}

static void header_values(struct machine *m, const struct fields *f, struct str name,
			  struct values *v)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, name))
			put_str(m, v, f->at[i].value);
}

/* Values of NAME in "NAME=value" pairs between <delim>. A pair without "=" has the empty value. */
static void pair_values(struct machine *m, struct str text, char delim, struct str name, bool trim,
			struct values *v)
{
	while (text.p) {
		struct str pair = str_cut(&text, delim), key = str_cut(&pair, '=');

		if (trim) {
			key = str_trim(key);
			pair = pair.p ? str_trim(pair) : pair;
		}
		if (str_eq(key, name))
			put_str(m, v, pair.p ? pair : str_of("", 0));
	}
}

static void cookie_values(struct machine *m, const struct p_subject *s, bool response,
			  struct values *v)
{
	const struct fields *f = response ? &m->answer->headers : &m->req.headers;

	if (!response && m->responding)
		f = &m->req_left.headers;
	for (uint32_t i = 0; i < f->n; i++) {
		struct str text = f->at[i].value;

		if (!str_ieq(f->at[i].name, response ? S("set-cookie") : S("cookie")))
			continue;
		if (response)
			text = str_cut(&text, ';');
		pair_values(m, text, ';', s->name, true, v);
	}
}

/* What a request holds, now or as the "req in" rules left it. */
static void request_values(struct machine *m, const struct p_subject *s,
			   const struct interp_message *q, struct values *v)
{
	switch (s->id) {
	case SUBJ_LINE:
		put_str(m, v, request_line_text(m, q));
		break;
	case SUBJ_METH:
		put_str(m, v, q->meth);
		break;
	case SUBJ_URI:
		put_str(m, v, q->uri);
		break;
	case SUBJ_PATH:
		put_str(m, v, q->path);
		break;
	case SUBJ_QUERY:
		put_str(m, v, q->query);
		break;
	case SUBJ_Q:
		pair_values(m, q->query, '&', s->name, false, v);
		break;
	case SUBJ_VERSION:
		put_str(m, v, q->version);
		break;
	case SUBJ_SCHEME:
		put_str(m, v, m->tls ? S("https") : S("http"));
		break;
	case SUBJ_HOST:
		put_str(m, v, q->host);
		break;
	case SUBJ_H:
		header_values(m, &q->headers, s->name, v);
		break;
	case SUBJ_C:
		cookie_values(m, s, false, v);
		break;
	default:
		break;
	}
}

static void response_values(struct machine *m, const struct p_subject *s, struct values *v)
{
	switch (s->id) {
	case SUBJ_LINE:
		put_str(m, v, status_line(m));
		break;
	case SUBJ_VERSION:
		put_str(m, v, S("1.1"));
		break;
	case SUBJ_H:
		header_values(m, &m->answer->headers, s->name, v);
		break;
	case SUBJ_C:
		cookie_values(m, s, true, v);
		break;
	case SUBJ_STATUS:
		put_num(m, v, TYPE_INT, m->answer->status);
		break;
	case SUBJ_MADE:
		put_num(m, v, TYPE_BOOL, m->answer->made);
		break;
	default:
		break;
	}
}

static void connection_values(struct machine *m, const struct p_subject *s, struct values *v)
{
	const struct request_spec *r = m->spec;

	switch (s->id) {
	case SUBJ_SRC:
		put_addr(m, v, &m->out->src);
		break;
	case SUBJ_SRC_PORT:
		put_num(m, v, TYPE_INT, m->out->src_port);
		break;
	case SUBJ_DST:
		put_addr(m, v, &m->out->dst);
		break;
	case SUBJ_DST_PORT:
		put_num(m, v, TYPE_INT, m->out->dst_port);
		break;
	case SUBJ_TLS:
		put_num(m, v, TYPE_BOOL, m->tls);
		break;
	case SUBJ_SNI:
		put_str(m, v, m->tls && r->sni.n ? r->sni : (struct str) { 0 });
		break;
	case SUBJ_ALPN:
		put_str(m, v, m->tls && r->alpn.n ? r->alpn : (struct str) { 0 });
		break;
	case SUBJ_HELLO:
		put_str(m, v, str_eq(s->name, S("sni")) ? r->sni : r->alpn);
		break;
	case SUBJ_CERT:
		for (uint32_t i = 0; m->tls && i < r->cert.n && !v->n; i++)
			if (str_eq(r->cert.at[i].name, s->name))
				put_str(m, v, r->cert.at[i].value);
		break;
	default:
		break;
	}
}

static int64_t servers_up(const struct p_section *s)
{
	int64_t n = 0;

	s = s->servers_of;
	for (uint32_t i = 0; i < s->nservers; i++)
		n += !s->servers[i].disabled;
	return n;
}

static struct str date_text(struct machine *m, struct str format)
{
	char *z = arena_get(m->a, format.n + 1), out[256];
	struct tm tm;

	memcpy(z, format.p, format.n);
	gmtime_r(&m->st->now, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return copy(m, out, strftime(out, sizeof(out), z, &tm)); /* the format is the site's */
#pragma GCC diagnostic pop
}

static void state_values(struct machine *m, const struct p_subject *s, struct values *v)
{
	const struct interp_state *st = m->st;
	struct outcome *o = m->out;
	int64_t n = 0;

	switch (s->id) {
	case SUBJ_VAR:
		for (uint32_t i = 0; i < m->p->nvars; i++)
			if (str_eq(m->p->vars[i], s->name))
				put_str(m, v, o->vars[i]);
		return;
	case SUBJ_CAPTURE: /* "in and out kept apart": each has a slot of its own */
		put_str(m, v, o->captures[o->captures[1][s->num].p != NULL][s->num]);
		return;
	case SUBJ_DATE:
		put_str(m, v, date_text(m, s->name));
		return;
	case SUBJ_RANDOM:
		n = s->num > 0 ? st->random % s->num : 0;
		break;
	case SUBJ_NBSRV:
		n = !s->section ? 0
		    : st->nbsrv ? st->nbsrv[s->section->index]
				: servers_up(s->section);
		break;
	case SUBJ_CONNS:
		n = st->conns && s->section ? st->conns[s->section->index] : 0;
		break;
	case SUBJ_QLEN:
		n = st->qlen && s->section ? st->qlen[s->section->index] : 0;
		break;
	case SUBJ_RATE:
		n = st->rate && s->section ? st->rate[s->section->index] : 0;
		break;
	case SUBJ_CONC:
		n = st->conc && s->section ? st->conc[s->section->index] : 0;
		break;
	case SUBJ_QUEUED:
		n = st->queued && s->section ? st->queued[s->section->index] : 0;
		break;
	default:
		return;
	}
	put_num(m, v, TYPE_INT, n);
}

static bool in_answer(const struct machine *m, const struct p_subject *s)
{
	return m->responding && !s->of_request;
}

void subject_values(struct machine *m, const struct p_subject *s, struct values *out)
{
	*out = (struct values) { 0 };
	if (m->st->known)
		doubt_read(m, s);
	if (s->id >= SUBJ_SRC && s->id <= SUBJ_HELLO)
		connection_values(m, s, out);
	else if (s->id >= SUBJ_VAR)
		state_values(m, s, out);
	else if (in_answer(m, s))
		response_values(m, s, out);
	else
		request_values(m, s, m->responding ? &m->req_left : &m->req, out);
	for (const struct p_conv *c = s->convs; c; c = c->next)
		convert(m, c, out);
	if (s->measure == MEASURE_COUNT) {
		int64_t n = out->n;

		out->n = 0;
		put_num(m, out, TYPE_INT, n);
	}
	for (uint32_t i = 0; s->measure == MEASURE_LEN && i < out->n; i++)
		out->at[i] = (struct value) { .type = TYPE_INT,
					      .n = (int64_t)value_text(m, &out->at[i]).n };
}

struct str value_text(struct machine *m, const struct value *v)
{
	struct p_net ip = { .bits = 128 };

	switch (v->type) {
	case TYPE_STR:
		return v->s;
	case TYPE_ADDR:
		memcpy(ip.addr, v->addr, 16);
		return address_text(m->a, &ip);
	case TYPE_INT:
	case TYPE_BOOL:
		break;
	}
	return arena_printf(m->a, "%" PRId64, v->n);
}

struct str values_text(struct machine *m, const struct values *v)
{
	struct str s = { 0 };

	for (uint32_t i = 0; i < v->n; i++)
		s = i ? joined(m, s, S(", "), value_text(m, &v->at[i])) : value_text(m, &v->at[i]);
	return s;
}

static struct str param_value(struct machine *m, const struct p_param *q)
{
	if (m->st->params && m->st->params[q->index].p)
		return m->st->params[q->index];
	return q->has_default ? q->def : str_of("", 0);
}

static struct str piece_text(struct machine *m, const struct p_piece *p)
{
	const struct groups *g = m->has_own ? &m->own : &m->groups;
	struct values v;

	switch (p->kind) {
	case PIECE_LITERAL:
		return p->text;
	case PIECE_BACKREF:
		return g->at[p->backref % 10];
	case PIECE_PARAM:
		return param_value(m, p->param);
	case PIECE_SUBJECT:
		break;
	}
	subject_values(m, p->subject, &v);
	return values_text(m, &v);
}

struct str text_value(struct machine *m, const struct p_text *t)
{
	struct str s = str_of("", 0);
	char *p;

	for (uint32_t i = 0; t && i < t->n; i++)
		s = joined(m, s, piece_text(m, &t->pieces[i]), str_of("", 0));
	p = arena_get(m->a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0' ? ' ' : s.p[i];
	return str_of(p, s.n);
}
