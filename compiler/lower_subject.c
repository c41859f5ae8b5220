/* SPDX-License-Identifier: Apache-2.0 */
/* lower_subject: subjects with their converters, and regular expressions. Equal ones become one
 * object. */
#include "lower_part.h"
#include "value.h"

enum argument { ARG_NONE, ARG_NAME, ARG_SECTION, ARG_NUM, ARG_FORMAT, ARG_WORD };

static const struct row {
	struct str name;
	enum argument arg;
	enum p_type type;
	const char *where;
} rows[] = {
#define SUBJECT(id, name, arg, type, many, where, doc)                                             \
	{ { name, sizeof(name) - 1 }, ARG_##arg, TYPE_##type, where },
#include "../grammar/subject.def"
};

static const struct {
	struct str name;
	const char *args;
	enum p_type in, out;
} convs[] = {
#define CONVERTER(id, name, args, in, out, doc)                                                    \
	{ { name, sizeof(name) - 1 }, args, TYPE_##in, TYPE_##out },
#include "../grammar/converter.def"
};

static const struct str cert_fields[] = {
#define CERT_FIELD(id, name, doc) { name, sizeof(name) - 1 },
#include "../grammar/cert.def"
};

static const char *const type_names[] = { "a text", "a number", "an address", "yes or no" };

bool subject_is_request_only(enum subject_id id)
{
	const char *w = rows[id].where;

	return strchr(w, 'q') && !strchr(w, 's') && !strchr(w, 'f');
}

unsigned subject_where(enum subject_id id)
{
	const char *w = rows[id].where;

	return (strchr(w, 'q') ? W_REQ_IN | W_REQ_OUT : 0u) | (strchr(w, 's') ? W_RSP : 0u) |
	       (subject_is_request_only(id) ? W_RSP : 0u) | (strchr(w, 't') ? W_TCP : 0u) |
	       (strchr(w, 'c') ? W_CONN : 0u) | (strchr(w, 'e') ? W_SESS : 0u);
}

/* Pattern as the table of regexes knows it: text, then a letter for each flag. */
static struct p_regex *intern_regex(struct model *m, const struct p_regex *re)
{
	struct str key = arena_printf(m->arena, "%c%c%.*s", re->icase ? 'i' : 'c',
				      re->freespace ? 'x' : '-', STR_ARG(re->text));
	struct p_regex *known = symbol_get(&m->regexes, key);

	if (known)
		return known;
	known = ARENA_NEW(m->arena, struct p_regex);
	*known = *re;
	known->index = (uint32_t)m->p_regexes.n;
	vec_push(m->arena, &m->p_regexes, known);
	return symbol_put(m->arena, &m->regexes, key, known);
}

/* "%{" and a letter: meant as a subject; "%{2}" is a repetition. Taking the first one as an
 * expression would silently change what a rule matches. */
static bool looks_computed(struct str s)
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		char c = ascii_lower(s.p[i + 2]);

		if (s.p[i] == '%' && s.p[i + 1] == '{' && c >= 'a' && c <= 'z')
			return true;
	}
	return false;
}

struct p_regex *lower_regex(struct use *u, const struct ast_value *v, bool icase)
{
	struct p_regex re = { .text = v->text, .icase = icase, .freespace = v->opts & VAL_FREE };
	size_t offset = 0;
	char buf[200];
	const char *why;
	struct at at = v->at;

	if (v->opts & VAL_ICASE)
		re.icase = true;
	else if (v->opts & VAL_CASE)
		re.icase = false;
	if (v->opts & VAL_BOUND)
		diag(E057, v->opts_at, 'b');
	if (text_has_param(v->text) && str_chr(v->text, '}') >= 0) {
		diag(E059, v->at, "${param}",
		     "a regular expression is fixed; write \\$\\{ for the characters");
		return NULL;
	}
	if (looks_computed(v->text)) {
		diag(E059, v->at, "%{subject}",
		     "a regular expression is fixed; write %\\{ for the characters");
		return NULL;
	}
	why = value_regex(re.text, re.icase, re.freespace, &re.groups, &offset, buf, sizeof(buf));
	if (why) {
		at.col += (uint32_t)(offset + (v->delim ? 1 : 0));
		at.len = 1;
		diag(E006, at, why);
		return NULL;
	}
	return intern_regex(u->m, &re);
}

/* Lower case: true. Mixed: reports. Digits and _ have no case. */
static bool ignores_case(struct str name, struct at at)
{
	bool lower = false, upper = false;

	for (size_t i = 0; i < name.n; i++) {
		lower = lower || (name.p[i] >= 'a' && name.p[i] <= 'z');
		upper = upper || (name.p[i] >= 'A' && name.p[i] <= 'Z');
	}
	if (lower && upper)
		diag(E060, at, STR_ARG(name));
	return !upper;
}

static int find_subject(struct str name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_ieq(rows[i].name, name))
			return (int)i;
	return -1;
}

static void unknown_subject(struct str name, struct at at)
{
	struct str names[sizeof(rows) / sizeof(*rows)];

	diag(E077, at, STR_ARG(name));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		names[i] = rows[i].name;
	model_suggest_words(name, names, sizeof(rows) / sizeof(*rows));
}

static bool read_name(struct use *u, struct p_subject *s, struct str word, struct at at)
{
	char *lower;

	if (s->id == SUBJ_H) {
		if (!value_is_token(word)) {
			diag(E008, at, STR_ARG(word), "a header name is a token (RFC 9110 5.6.2)");
			return false;
		}
		lower = arena_get(u->m->arena, word.n);
		str_lower(lower, word);
		s->name = str_of(lower, word.n);
		return true;
	}
	s->name = word;
	if (s->id == SUBJ_VAR) {
		s->num = model_slot(u->m, &u->m->vars, word, at)->index;
	} else if (s->id == SUBJ_CAPTURE) {
		bool rsp = u->where & W_RSP && symbol_get(&u->m->captures[1], word);

		/* in and out are kept apart: a response's own one comes first */
		s->num = model_slot(u->m, &u->m->captures[rsp], word, at)->index;
		s->of_request = u->where & W_RSP && !rsp;
	}
	return true;
}

/* rate(CP), conc(CP), queued(CP): where the key of the checkpoint exists. */
static bool read_checkpoint(struct use *u, struct p_subject *s, struct str word, struct at at)
{
	const struct entity *cp = model_checkpoint(u->m, word, at);

	if (!cp)
		return false;
	if (u->m->keying) {
		diag(E054, at, "key", "no counter of a checkpoint");
		return false;
	}
	if (u->avail && !checkpoint_stands(u->m, cp, u->avail, at))
		return false;
	u->avail &= cp->key_where;
	s->section = cp->out;
	return true;
}

static bool read_section(struct use *u, struct p_subject *s, struct str word, struct at at)
{
	bool front = s->id == SUBJ_CONNS;
	struct entity *e = model_entity(u->m, word, at, front ? "frontend" : "backend");

	if (!e)
		return false;
	if (e->kind != SEC_LISTEN && e->kind != (front ? SEC_FRONTEND : SEC_BACKEND)) {
		diag(E073, at, STR_ARG(word), kind_article(e->kind), rows[s->id].name.p,
		     front ? "a frontend" : "a backend");
		return false;
	}
	s->section = e->out;
	return true;
}

static bool read_cert_field(struct p_subject *s, const struct ast_value *v)
{
	for (size_t i = 0; i < sizeof(cert_fields) / sizeof(*cert_fields); i++)
		if (str_eq(s->name, cert_fields[i])) {
			s->num = (int64_t)i;
			return true;
		}
	diag(E056, v->at, STR_ARG(v->text), "field of a certificate");
	model_suggest_words(v->text, cert_fields, sizeof(cert_fields) / sizeof(*cert_fields));
	return false;
}

static bool read_argument(struct use *u, const struct ast_func *f, struct p_subject *s)
{
	static const char *const takes[] = {
		"no argument", "one name",   "one name of a section",
		"one number",  "one format", "one word",
	};
	enum argument arg = rows[s->id].arg;
	const struct ast_value *v = f->args;
	const char *why;

	if (arg == ARG_NONE ? f->call || v : !v || v->next) {
		diag(E054, f->at, rows[s->id].name.p, takes[arg]);
		return false;
	}
	if (arg == ARG_NONE)
		return true;
	if (text_refused(v, "a subject's argument is fixed"))
		return false;
	switch (arg) {
	case ARG_SECTION:
		if (s->id == SUBJ_RATE || s->id == SUBJ_CONC || s->id == SUBJ_QUEUED)
			return read_checkpoint(u, s, v->text, v->at);
		return read_section(u, s, v->text, v->at);
	case ARG_NUM:
		why = value_count(v->text, &s->num);
		if (!why && (s->num < 1 || s->num > UINT32_MAX))
			why = "it is 1 to 4294967295";
		if (why)
			diag(E007, v->at, STR_ARG(v->text), rows[s->id].name.p, why);
		return !why;
	case ARG_NAME:
		return read_name(u, s, v->text, v->at);
	default:
		s->name = value_plain(u->m->arena, v->text);
		if (s->id == SUBJ_CERT)
			return read_cert_field(s, v);
		if (s->id != SUBJ_HELLO || str_eq(s->name, S("sni")) || str_eq(s->name, S("alpn")))
			return true;
		diag(E007, v->at, STR_ARG(v->text), "hello", "it is sni or alpn");
		return false;
	}
}

/* One letter of a converter's argument list. */
static bool read_conv_arg(struct use *u, struct p_conv *c, char kind, const struct ast_value *v,
			  bool second, enum p_type type, bool icase)
{
	struct use inner = *u;
	const char *why;

	switch (kind) {
	case 'n':
		why = value_int(v->text, second ? &c->num2 : &c->num);
		if (why)
			diag(E007, v->at, STR_ARG(v->text), convs[c->id].name.p, why);
		return !why;
	case 'd':
		if (v->text.n != 1)
			diag(E007, v->at, STR_ARG(v->text), convs[c->id].name.p,
			     "a delimiter is one byte");
		c->delim = v->text.n ? v->text.p[0] : 0;
		return v->text.n == 1;
	case 'r':
		return (c->regex = lower_regex(u, v, false)) != NULL;
	case 'm':
		return (c->map = lower_map(u, v, type, icase)) != NULL;
	default:
		if (c->id == CONV_SUB) {
			inner.groups = c->regex;
			return (c->text = lower_text(&inner, v, 0)) != NULL;
		}
		c->text = lower_text(u, v, 0);
		return c->text != NULL;
	}
}

static bool check_mask(const struct p_conv *c, struct at at)
{
	if (c->id == CONV_MASK && (c->num < 0 || c->num > 32 || c->num2 < 0 || c->num2 > 128)) {
		diag(E054, at, "mask", "bits for IPv4 (0 to 32), then for IPv6 (0 to 128)");
		return false;
	}
	if (c->id == CONV_FIELD && c->num == 0) {
		diag(E054, at, "field",
		     "a number from 1, or from -1 for the last, and a delimiter");
		return false;
	}
	return true;
}

static struct p_conv *read_conv(struct use *u, const struct ast_func *f, enum p_type *type,
				bool icase)
{
	struct p_conv *c = ARENA_NEW(u->m->arena, struct p_conv);
	struct str names[sizeof(convs) / sizeof(*convs)];
	const struct ast_value *v = f->args;
	bool optional = false, second = false;
	size_t i = 0;

	for (; i < sizeof(convs) / sizeof(*convs) && !str_eq(convs[i].name, f->name); i++)
		names[i] = convs[i].name;
	if (i == sizeof(convs) / sizeof(*convs)) {
		diag(E078, f->at, STR_ARG(f->name));
		model_suggest_words(f->name, names, i);
		return NULL;
	}
	c->id = (enum converter_id)i;
	c->num2 = c->id == CONV_MASK ? 128 : 0;
	if (*type != convs[i].in && c->id != CONV_MAP && c->id != CONV_HASH) {
		diag(E075, f->at, STR_ARG(f->name), type_names[convs[i].in], type_names[*type]);
		return NULL;
	}
	for (const char *a = convs[i].args; *a; a++) {
		if (*a == '?') {
			optional = true;
			continue;
		}
		if (!v && optional)
			break;
		if (!v || (*a != 't' && text_refused(v, "a converter's argument is fixed"))) {
			if (!v)
				diag(E054, f->at, convs[i].name.p, "more arguments");
			return NULL;
		}
		if (!read_conv_arg(u, c, *a, v, second, *type, icase))
			return NULL;
		second = second || *a == 'n';
		v = v->next;
	}
	if (v) {
		diag(E054, v->at, convs[i].name.p, "fewer arguments");
		return NULL;
	}
	*type = convs[i].out;
	return check_mask(c, f->at) ? c : NULL;
}

static void key_text(struct arena *a, struct textbuf *b, const struct p_text *t)
{
	for (uint32_t i = 0; t && i < t->n; i++) {
		const struct p_piece *p = &t->pieces[i];
		struct str s = arena_printf(
			a, "{%d:%zu:%.*s:%u:%u:%p}", (int)p->kind, p->text.n, STR_ARG(p->text),
			p->backref, p->param ? p->param->index : 0, (const void *)p->subject);

		textbuf_put(a, b, s);
	}
}

/* Subjects are equal when their keys are: all that they hold, with pointers to what is interned
 * itself. */
static struct str key_of(struct model *m, const struct p_subject *s)
{
	struct textbuf b = { 0 };

	textbuf_put(m->arena, &b,
		    arena_printf(m->arena, "%d %d %d %d %d %zu:%.*s %lld %p", (int)s->id,
				 s->of_request, s->icase, (int)s->measure, (int)s->type, s->name.n,
				 STR_ARG(s->name), (long long)s->num, (const void *)s->section));
	for (const struct p_conv *c = s->convs; c; c = c->next) {
		textbuf_put(m->arena, &b,
			    arena_printf(m->arena, "|%d %lld %lld %d %p %p ", (int)c->id,
					 (long long)c->num, (long long)c->num2, c->delim,
					 (const void *)c->regex, (const void *)c->map));
		key_text(m->arena, &b, c->text);
		if (c->text)
			textbuf_byte(m->arena, &b, 't');
	}
	return textbuf_str(&b);
}

static struct p_subject *intern(struct model *m, const struct p_subject *s)
{
	struct str key = key_of(m, s);
	struct p_subject *known = symbol_get(&m->subjects, key);

	if (known)
		return known;
	known = ARENA_NEW(m->arena, struct p_subject);
	*known = *s;
	known->index = (uint32_t)m->p_subjects.n;
	vec_push(m->arena, &m->p_subjects, known);
	return symbol_put(m->arena, &m->subjects, key, known);
}

static bool check_where(struct use *u, const struct p_subject *s, bool req, struct at at,
			struct str spelt)
{
	unsigned where = subject_where(s->id);
	unsigned before = u->avail;
	const char *what = arena_printf(u->m->arena, "subject '%.*s'", STR_ARG(spelt)).p;

	if (req)
		where &= W_REQ_IN | W_REQ_OUT | W_RSP;
	u->avail &= where;
	if (u->avail || !before)
		return true;
	u->avail = before;
	if (u->where == W_TCP || where == W_TCP)
		diag(E015, at, what, where == W_TCP ? "http" : "tcp");
	else
		diag(E002, at, what, where_name(u->where));
	return false;
}

/* Name, argument and spelling of <f> into <s>; <req>: written with "req.". */
static bool read_head(struct use *u, const struct ast_func *f, struct p_subject *s, bool *req)
{
	struct str name = f->name;
	int id;

	*req = str_istarts(name, S("req."));
	if (*req)
		name = str_skip(name, 4);
	id = find_subject(name);
	if (id < 0) {
		unknown_subject(f->name, f->at);
		return false;
	}
	s->id = (enum subject_id)id;
	s->type = rows[id].type;
	s->icase = ignores_case(name, f->at) && s->type == TYPE_STR;
	if (!read_argument(u, f, s))
		return false;
	s->of_request =
		s->of_request || (u->where & W_RSP && (*req || subject_is_request_only(s->id)));
	if (*req && !strchr(rows[id].where, 'q'))
		diag(E077, f->at, STR_ARG(f->name));
	return true;
}

/* One value becomes several once in a chain. */
static bool check_list(const struct p_conv *first, const struct p_conv *c, struct at at)
{
	while (c->id == CONV_LIST && first != c) {
		if (first->id == CONV_LIST) {
			diag(E054, at, "list", "one place among the converters of a subject");
			return false;
		}
		first = first->next;
	}
	return true;
}

struct p_subject *lower_subject(struct use *u, const struct ast_subject *spec)
{
	struct p_subject s = { 0 };
	const struct ast_func *head = spec->head, *f = spec->convs;
	bool measure = str_eq(head->name, S("len")) || str_eq(head->name, S("count")), req;
	struct p_conv **last = &s.convs;

	if (measure && (!head->inner || f)) {
		diag(E054, head->at, head->name.n == 3 ? "len" : "count",
		     "one subject, with its converters inside");
		return NULL;
	}
	if (measure) {
		f = head->inner->convs;
		head = head->inner->head;
	}
	if (!read_head(u, head, &s, &req) || !check_where(u, &s, req, head->at, head->name))
		return NULL;
	for (; f; f = f->next) {
		*last = read_conv(u, f, &s.type, s.icase);
		if (!*last || !check_list(s.convs, *last, f->at))
			return NULL;
		last = &(*last)->next;
	}
	if (measure && spec->head->name.n == 3 && s.type != TYPE_STR) {
		diag(E054, spec->head->at, "len", "a subject that is a text");
		return NULL;
	}
	if (measure) {
		s.measure = spec->head->name.n == 3 ? MEASURE_LEN : MEASURE_COUNT;
		s.type = TYPE_INT;
		s.icase = false;
	} else if (s.type == TYPE_INT) {
		s.icase = false;
	}
	return intern(u->m, &s);
}
