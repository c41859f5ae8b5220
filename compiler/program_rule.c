/* SPDX-License-Identifier: Apache-2.0 */
#include "program_form.h"

#include "../runtime/base/addr.h"

const char *const form_dirs[RULE_DIRS] = { "conn_in", "sess_in", "req_in",
					   "req_out", "rsp_in",  "rsp_out" };
const char *const form_actions[ACTIONS] = {
#define ACTION(id, word, ...) word,
#include "../grammar/action.def"
};
const char *const form_operators[OPERATORS] = {
	"is",
#define OPERATOR(id, spelling, ...) spelling,
#include "../grammar/operator.def"
};
const char *const form_negations[OPERATORS] = {
	"not",
#define OPERATOR(id, spelling, negative, ...) negative,
#include "../grammar/operator.def"
};
const char *const form_subjects[SUBJECTS] = {
#define SUBJECT(id, spelling, ...) spelling,
#include "../grammar/subject.def"
};
const char *const form_converters[CONVERTERS] = {
#define CONVERTER(id, name, ...) name,
#include "../grammar/converter.def"
};

static const char *const types[] = { "str", "int", "addr", "bool" };
static const char *const measures[] = { "none", "len", "count" };
static const char *const value_kinds[] = { "str", "int", "net", "regex", "text" };
static const char *const piece_kinds[] = { "lit", "subject", "backref", "param" };
static const char *const expr_kinds[] = { "true", "false", "and", "or", "not", "test", "acl" };
static const char *const parts[] = { "header", "host", "path",   "query",
				     "uri",    "meth", "status", "line" };
static const char *const redirs[] = { "target", "scheme", "prefix" };
static const char *const pages[] = { "none", "stats", "metrics" };

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

/* An enum field as its bare word. */
#define WORD(io, field, words, n)                                                                  \
	do {                                                                                       \
		int w_ = (int)(field);                                                             \
		io_value_word((io), &w_, (words), (n));                                            \
		if (io_reading(io))                                                                \
			(field) = (__typeof__(field))w_;                                           \
	} while (0)

/* The same behind a key, left out when zero. */
#define WORD_KEY(io, key, field, words)                                                            \
	do {                                                                                       \
		if (io_key((io), (key), (field) != 0))                                             \
			WORD((io), (field), (words), COUNT(words));                                \
	} while (0)

/* "@ file line" */
void form_place(struct pio *io, struct p_place *at)
{
	if (!io_key(io, "@", io->places && (at->line || at->file)))
		return;
	int64_t file = at->file, line = at->line;

	io_value_num(io, &file, 0, UINT32_MAX);
	io_value_num(io, &line, 0, UINT32_MAX);
	if (io_reading(io))
		*at = (struct p_place) { .file = (uint32_t)file, .line = (uint32_t)line };
}

static bool is_v4(const struct p_net *net)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return net->bits >= 96 && memcmp(net->addr, mapped, 12) == 0;
}

static bool read_net(struct str s, struct p_net *net)
{
	*net = (struct p_net) { .bits = net->bits };
	return addr_parse_ip(s, net->addr, NULL);
}

/* "address" bits, IPv4 with its own bits */
void form_net(struct pio *io, struct p_net *net)
{
	struct addr addr = { .kind = AK_INET };
	char text[ADDR_TEXT] = "";
	int64_t bits = net->bits;
	struct str s;
	bool v4;

	if (!io_reading(io)) {
		v4 = is_v4(net);
		memcpy(addr.ip, net->addr, 16);
		addr_format_ip(&addr, text);
		bits -= v4 ? 96 : 0;
	}
	s = str_from(text);
	io_value_str(io, &s);
	v4 = str_chr(s, ':') < 0;
	io_value_num(io, &bits, 0, v4 ? 32 : 128);
	if (!io_reading(io))
		return;
	net->bits = (uint8_t)(bits + (v4 ? 96 : 0));
	if (!read_net(s, net))
		io_fail(io, "no address");
}

/* ---- references: the thing's own text names it ---- */

/* Reading: the object that the next token or group names. */
static void *ref(struct pio *io, enum pio_kind kind)
{
	struct str span = io_span(io);
	void *object = io_lookup(io, kind, span);

	if (!object)
		io_fail(io, "a name that is not defined");
	io_skip(io, span);
	return object;
}

void form_ref_section(struct pio *io, const char *key, struct p_section **s)
{
	bool apart;

	if (!io_key(io, key, *s != NULL))
		return;
	if (io_reading(io)) {
		*s = ref(io, REF_SECTION);
		return;
	}
	apart = (*s)->kind == SEC_CHECKPOINT; /* checkpoints have their own name space */
	if (apart)
		fputs(" ( checkpoint", io->out);
	io_value_str(io, &(*s)->name);
	if (apart)
		fputs(" )", io->out);
}

static void ref_regex(struct pio *io, const char *key, struct p_regex **r)
{
	if (!io_key(io, key, *r != NULL))
		return;
	if (io_reading(io))
		*r = ref(io, REF_REGEX);
	else
		form_regex(io, *r);
}

void form_ref_subject(struct pio *io, const char *key, struct p_subject **s)
{
	if (!io_key(io, key, *s != NULL))
		return;
	if (io_reading(io))
		*s = ref(io, REF_SUBJECT);
	else
		form_subject(io, *s);
}

/* ( "NAME" [of SECTION] [nth N] ): a name may be in several sections, and be there for requests
 * and for responses */
void form_ref_acl(struct pio *io, struct p_acl **a)
{
	int64_t nth;

	if (io_reading(io)) {
		*a = ref(io, REF_ACL);
		return;
	}
	io_begin(io);
	io_value_str(io, &(*a)->name);
	form_ref_section(io, "of", &(*a)->section);
	nth = io->nth[REF_ACL] ? io->nth[REF_ACL][(*a)->index] : 0;
	io_num(io, "nth", &nth, 0, UINT32_MAX);
	io_end(io);
}

void form_name(struct pio *io, enum pio_kind kind, uint32_t index, struct str *name)
{
	int64_t nth = io->nth[kind] ? io->nth[kind][index] : 0;

	io_begin(io);
	io_value_str(io, name);
	io_num(io, "nth", &nth, 0, UINT32_MAX);
	io_end(io);
}

static void ref_named(struct pio *io, const char *key, enum pio_kind kind, void **object,
		      struct str name, uint32_t index)
{
	if (!io_key(io, key, *object != NULL))
		return;
	if (io_reading(io))
		*object = ref(io, kind);
	else
		form_name(io, kind, index, &name);
}

/* A reference field to something that has a name and no section. */
#define REF_NAMED(io, key, kind, field)                                                            \
	do {                                                                                       \
		void *o_ = (field);                                                                \
		ref_named((io), (key), (kind), &o_, (field) ? (field)->name : str_of("", 0),       \
			  (field) ? (field)->index : 0);                                           \
		if (io_reading(io))                                                                \
			(field) = o_;                                                              \
	} while (0)

/* ---- matching ---- */

void form_regex(struct pio *io, struct p_regex *r)
{
	io_begin(io);
	io_value_str(io, &r->text);
	io_flag(io, "icase", &r->icase);
	io_flag(io, "freespace", &r->freespace);
	IO_NUM(io, "groups", r->groups, 0, UINT16_MAX);
	io_end(io);
}

static void form_piece(struct pio *io, struct p_piece *p)
{
	WORD(io, p->kind, piece_kinds, COUNT(piece_kinds));
	switch (p->kind) {
	case PIECE_LITERAL:
		io_value_str(io, &p->text);
		break;
	case PIECE_SUBJECT:
		form_ref_subject(io, "of", &p->subject);
		if (!p->subject)
			io_fail(io, "a piece without subject");
		break;
	case PIECE_BACKREF:
		IO_NUM(io, "group", p->backref, 0, 9);
		break;
	case PIECE_PARAM:
		REF_NAMED(io, "of", REF_PARAM, p->param);
		if (!p->param)
			io_fail(io, "a piece without parameter");
		break;
	}
}

void form_text(struct pio *io, const char *key, struct p_text **t)
{
	if (!io_key(io, key, *t != NULL))
		return;
	if (io_reading(io))
		*t = ARENA_NEW(io->arena, struct p_text);
	io_begin(io);
	IO_LIST(io, "pieces", (*t)->n, (*t)->pieces, form_piece);
	io_end(io);
}

static void form_conv(struct pio *io, struct p_conv *c)
{
	struct str delim = str_of(&c->delim, c->delim != 0);

	WORD(io, c->id, form_converters, CONVERTERS);
	IO_NUM(io, "num", c->num, INT64_MIN, INT64_MAX);
	IO_NUM(io, "num2", c->num2, INT64_MIN, INT64_MAX);
	io_str(io, "delim", &delim);
	if (delim.n > 1)
		io_fail(io, "a delimiter is one byte");
	if (io_reading(io))
		c->delim = delim.n == 1 ? delim.p[0] : 0;
	ref_regex(io, "regex", &c->regex);
	form_text(io, "text", &c->text);
	REF_NAMED(io, "map", REF_MAP, c->map);
	if ((c->id == CONV_SUB && !(c->regex && c->text)) || (c->id == CONV_MAP && !c->map))
		io_fail(io, "a converter without its arguments");
}

static void form_convs(struct pio *io, struct p_conv **first)
{
	for (struct p_conv **c = first; io_key(io, "|", *c != NULL) && !io_failed(io);
	     c = &(*c)->next) {
		if (io_reading(io))
			*c = ARENA_NEW(io->arena, struct p_conv);
		form_conv(io, *c);
	}
}

void form_subject(struct pio *io, struct p_subject *s)
{
	io_begin(io);
	WORD(io, s->id, form_subjects, SUBJECTS);
	io_str(io, "name", &s->name);
	IO_NUM(io, "num", s->num, INT64_MIN, INT64_MAX);
	form_ref_section(io, "section", &s->section);
	io_flag(io, "of_request", &s->of_request);
	io_flag(io, "icase", &s->icase);
	WORD_KEY(io, "measure", s->measure, measures);
	WORD_KEY(io, "type", s->type, types);
	form_convs(io, &s->convs);
	io_end(io);
}

void form_value(struct pio *io, struct p_value *v)
{
	WORD(io, v->kind, value_kinds, COUNT(value_kinds));
	switch (v->kind) {
	case VALUE_STR:
		io_value_str(io, &v->text);
		break;
	case VALUE_INT:
		io_value_num(io, &v->lo, INT64_MIN + 1, INT64_MAX);
		io_value_num(io, &v->hi, INT64_MIN + 1, INT64_MAX);
		break;
	case VALUE_NET:
		form_net(io, &v->net);
		break;
	case VALUE_REGEX:
		ref_regex(io, "of", &v->regex);
		if (!v->regex)
			io_fail(io, "a value without regex");
		break;
	case VALUE_TEXT:
		form_text(io, "of", &v->computed);
		if (!v->computed)
			io_fail(io, "a value without text");
		break;
	}
	io_flag(io, "icase", &v->icase);
	io_flag(io, "bound", &v->bound);
}

void form_test(struct pio *io, struct p_test *t)
{
	io_begin(io);
	form_ref_subject(io, "of", &t->subject);
	if (!t->subject)
		io_fail(io, "a test without subject");
	WORD(io, t->op, form_operators, OPERATORS);
	io_flag(io, "negated", &t->negated);
	REF_NAMED(io, "set", REF_SET, t->set);
	IO_LIST(io, "values", t->nvalues, t->values, form_value);
	form_place(io, &t->place);
	io_end(io);
}

static void form_kids(struct pio *io, struct p_expr *e)
{
	e->nkids = io_count(io, "of", e->nkids);
	if (io_reading(io))
		e->kids = ARENA_ARRAY(io->arena, struct p_expr *, e->nkids);
	for (uint32_t i = 0; i < e->nkids && !io_failed(io); i++)
		form_expr(io, &e->kids[i]);
	if (e->kind == PE_NOT && e->nkids != 1)
		io_fail(io, "\"not\" takes one condition");
}

void form_expr(struct pio *io, struct p_expr **ep)
{
	struct p_expr *e;

	if (io_reading(io))
		*ep = ARENA_NEW(io->arena, struct p_expr);
	e = *ep;
	io_begin(io);
	if (io_failed(io))
		return;
	WORD(io, e->kind, expr_kinds, COUNT(expr_kinds));
	switch (e->kind) {
	case PE_AND:
	case PE_OR:
	case PE_NOT:
		form_kids(io, e);
		break;
	case PE_TEST:
		if (io_reading(io))
			e->test = ARENA_NEW(io->arena, struct p_test);
		form_test(io, e->test);
		break;
	case PE_ACL:
		form_ref_acl(io, &e->acl);
		break;
	case PE_TRUE:
	case PE_FALSE:
		break;
	}
	io_end(io);
}

/* ---- acting ---- */

static void form_header(struct pio *io, struct p_header *h)
{
	io_value_str(io, &h->name);
	form_text(io, "value", &h->value);
	if (!h->value)
		io_fail(io, "a header without value");
}

/* Each column of the table is written, whatever the action: one that the action does not use is
 * zero. */
void form_action(struct pio *io, struct p_action *a)
{
	if (!io_line(io, 2, "do", true)) {
		io_fail(io, "expected \"do\"");
		return;
	}
	WORD(io, a->id, form_actions, ACTIONS);
	IO_NUM(io, "status", a->status, INT64_MIN, INT64_MAX);
	IO_NUM(io, "num", a->num, INT64_MIN, INT64_MAX);
	WORD_KEY(io, "part", a->part, parts);
	WORD_KEY(io, "redir", a->redir, redirs);
	WORD_KEY(io, "page", a->page, pages);
	io_flag(io, "drop_query", &a->drop_query);
	io_flag(io, "append_slash", &a->append_slash);
	io_flag(io, "icase", &a->icase);
	io_str(io, "name", &a->name);
	io_str(io, "old", &a->old);
	form_text(io, "text", &a->text);
	ref_regex(io, "regex", &a->regex);
	form_ref_subject(io, "subject", &a->subject);
	REF_NAMED(io, "map", REF_MAP, a->map);
	form_ref_section(io, "target", &a->target);
	IO_NUM(io, "capture", a->capture, 0, UINT32_MAX);
	IO_NUM(io, "var", a->var, 0, UINT32_MAX);
	IO_LIST(io, "headers", a->nheaders, a->headers, form_header);
	io_str(io, "type", &a->type);
	io_str(io, "file", &a->file);
	form_place(io, &a->place);
}

/* rule SECTION DIR, then its condition, the test whose groups are used, and its actions */
void form_rule(struct pio *io, struct p_rule *r)
{
	WORD(io, r->dir, form_dirs, RULE_DIRS);
	form_place(io, &r->place);
	if (!io_line(io, 2, "if", true))
		io_fail(io, "expected \"if\"");
	form_expr(io, &r->cond);
	if (io_line(io, 2, "capturing", r->capturing != NULL)) {
		if (io_reading(io))
			r->capturing = ARENA_NEW(io->arena, struct p_test);
		form_test(io, r->capturing);
	}
	IO_LIST(io, "actions", r->nactions, r->actions, form_action);
}

void form_assert(struct pio *io, struct p_assert *s)
{
	if (!io_line(io, 1, "assert", true)) {
		io_fail(io, "expected \"assert\"");
		return;
	}
	WORD(io, s->outcome, form_actions, ACTIONS);
	io_flag(io, "always", &s->always);
	IO_NUM(io, "status", s->status, 0, 999);
	io_str(io, "text", &s->text);
	form_ref_section(io, "target", &s->target);
	form_place(io, &s->place);
	form_expr(io, &s->cond);
}
