/* SPDX-License-Identifier: Apache-2.0 */
#include "interp_machine.h"
#include "regular/dfa.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* PCRE2 syntax on bytes, unanchored, "." any byte, "$" the very end (language.md 1). */
static pcre2_code *regex_code(struct machine *m, const struct p_regex *r)
{
	uint32_t opts = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
	PCRE2_SIZE at;
	int error;

	if (m->codes[r->index])
		return m->codes[r->index];
	opts |= (r->icase ? PCRE2_CASELESS : 0) | (r->freespace ? PCRE2_EXTENDED : 0);
	m->codes[r->index] =
		pcre2_compile((PCRE2_SPTR)r->text.p, r->text.n, opts, &error, &at, NULL);
	return m->codes[r->index];
}

void regexes_free(struct machine *m)
{
	if (!m->st->codes)
		interp_codes_free(m->codes, m->p->nregexes);
}

void interp_codes_free(void **codes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		pcre2_code_free(codes[i]);
}

static void take_groups(struct machine *m, pcre2_match_data *md, int n, struct str subject,
			struct groups *g)
{
	PCRE2_SIZE *o = pcre2_get_ovector_pointer(md);

	*g = (struct groups) { 0 };
	for (int i = 0; i < n && i < 10; i++)
		if (o[2 * i] != PCRE2_UNSET && o[2 * i] <= o[2 * i + 1])
			g->at[i] = copy(m, subject.p + o[2 * i], o[2 * i + 1] - o[2 * i]);
}

/* Where the matcher gave up: what the automaton says, as a binary would have asked it first. False:
 * there is none. */
static bool decided(const struct p_regex *r, struct str subject, bool *matches)
{
	uint64_t steps = UINT64_MAX;
	struct arena t = { 0 };
	const struct dfa *d = dfa_of_pattern(&t, r->text, r->icase, r->freespace, &steps);

	if (d)
		*matches = dfa_accepts(d, subject);
	arena_free(&t);
	return d != NULL;
}

/* Position and end of the first match in <at>; NULL: only whether there is one is asked. False also
 * when the limit was reached; then m->limit is set. */
static bool match(struct machine *m, const struct p_regex *r, struct str subject, struct groups *g,
		  size_t at[2])
{
	pcre2_code *code = regex_code(m, r);
	pcre2_match_context *mc = pcre2_match_context_create(NULL);
	pcre2_match_data *md = code ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
	int n = PCRE2_ERROR_MATCHLIMIT;
	bool matches;

	if (mc && md) {
		pcre2_set_match_limit(mc, INTERP_MATCH_LIMIT);
		n = pcre2_match(code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, 0, 0, md,
				mc);
	}
	matches = n > 0;
	if (n > 0 && at)
		memcpy(at, pcre2_get_ovector_pointer(md), 2 * sizeof(*at));
	if (n > 0 && g)
		take_groups(m, md, n, subject, g);
	if (n <= 0 && n != PCRE2_ERROR_NOMATCH &&
	    (!decided(r, subject, &matches) || (matches && at))) {
		matches = false;
		m->limit = true; /* never "no match": the rule's on-limit applies */
	}
	pcre2_match_data_free(md);
	pcre2_match_context_free(mc);
	return matches;
}

bool regex_matches(struct machine *m, const struct p_regex *r, struct str subject, struct groups *g)
{
	size_t at[2];

	return match(m, r, subject, g, g ? at : NULL);
}

bool regex_replaced(struct machine *m, const struct p_regex *r, struct str subject,
		    const struct p_text *t, struct str *out)
{
	struct groups kept = m->own;
	bool had = m->has_own;
	size_t at[2];

	if (!match(m, r, subject, &m->own, at)) {
		m->own = kept;
		return false;
	}
	m->has_own = true;
	*out = joined(m, str_first(subject, at[0]), text_value(m, t), str_skip(subject, at[1]));
	m->own = kept;
	m->has_own = had;
	return true;
}

/* ---- one value on one occurrence ---- */

static bool net_holds(const struct p_net *net, const uint8_t addr[16])
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(net->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr[whole]) & (0xff00 >> rest & 0xff)) == 0;
}

static bool num_matches(enum operator_id op, const struct p_value *v, int64_t n)
{
	switch (op) {
	case OP_LT:
		return n < v->lo;
	case OP_LE:
		return n <= v->lo;
	case OP_GT:
		return n > v->lo;
	case OP_GE:
		return n >= v->lo;
	default:
		return n >= v->lo && n <= v->hi;
	}
}

/* "b": a prefix must end, a suffix begin, at a delimiter: "." in hosts, "/" and "?" elsewhere. */
static bool delimits(const struct p_subject *s, char c)
{
	bool host = s->id == SUBJ_HOST || s->id == SUBJ_SNI || s->id == SUBJ_HELLO ||
		    (s->id == SUBJ_H && str_eq(s->name, S("host")));

	return host ? c == '.' : c == '/' || c == '?';
}

static bool prefix(const struct p_test *t, const struct p_value *v, struct str x)
{
	if (v->icase ? !str_istarts(x, v->text) : !str_starts(x, v->text))
		return false;
	return !v->bound || x.n == v->text.n || delimits(t->subject, x.p[v->text.n]) ||
	       (v->text.n && delimits(t->subject, v->text.p[v->text.n - 1]));
}

static bool suffix(const struct p_test *t, const struct p_value *v, struct str x)
{
	if (v->icase ? !str_iends(x, v->text) : !str_ends(x, v->text))
		return false;
	return !v->bound || x.n == v->text.n || delimits(t->subject, x.p[x.n - v->text.n - 1]) ||
	       (v->text.n && delimits(t->subject, v->text.p[0]));
}

/* A whole word: what stands between two delimiters, or a delimiter and an end. */
static bool word(const struct p_value *v, struct str x, char delim)
{
	for (size_t i = 0; i + v->text.n <= x.n; i++) {
		struct str at = str_of(x.p + i, v->text.n);
		bool starts = i == 0 || x.p[i - 1] == delim,
		     ends = i + at.n == x.n || x.p[i + at.n] == delim;

		if (starts && ends && (v->icase ? str_ieq(at, v->text) : str_eq(at, v->text)))
			return true;
	}
	return false;
}

static bool str_matches(struct machine *m, const struct p_test *t, const struct p_value *v,
			struct str x)
{
	switch (t->op) {
	case OP_EQ:
		return v->icase ? str_ieq(x, v->text) : str_eq(x, v->text);
	case OP_RE:
		return v->kind == VALUE_REGEX && regex_matches(m, v->regex, x, NULL);
	case OP_SUFFIX:
		return suffix(t, v, x);
	case OP_PREFIX:
		return prefix(t, v, x);
	case OP_SUBSTR:
		return (v->icase ? str_ifind(x, v->text) : str_find(x, v->text)) >= 0;
	case OP_WORD:
		return word(v, x, '/');
	case OP_DOTWORD:
		return word(v, x, '.');
	default:
		return false;
	}
}

/* A computed value as a constant of the subject's type; false when its text is none. */
static bool computed(struct machine *m, const struct p_value *v, enum p_type type,
		     struct p_value *out)
{
	struct str s = text_value(m, v->computed), bits = s;
	struct str ip = str_cut(&bits, '/');
	bool minus = str_starts(s, S("-"));
	uint64_t n = 0, nbits = 128;
	uint16_t port;

	*out = *v;
	out->kind = VALUE_STR;
	out->text = s;
	if (type == TYPE_INT) {
		out->kind = VALUE_INT;
		if (!str_u64(str_skip(s, minus), INT64_MAX, &n))
			return false;
		out->lo = out->hi = minus ? -(int64_t)n : (int64_t)n;
	} else if (type == TYPE_ADDR) {
		bool v4 = str_chr(ip, ':') < 0;

		out->kind = VALUE_NET;
		if (!address_read(ip, &out->net, &port) || port ||
		    (bits.p && !str_u64(bits, v4 ? 32 : 128, &nbits)))
			return false;
		out->net.bits = (uint8_t)(bits.p && v4 ? nbits + 96 : nbits);
	}
	return true;
}

bool value_matches(struct machine *m, const struct p_test *t, const struct p_value *v,
		   const struct value *x)
{
	struct p_value constant;

	if (v->kind == VALUE_TEXT) {
		if (!computed(m, v, x->type, &constant))
			return false;
		v = &constant;
	}
	if (v->kind == VALUE_NET)
		return x->type == TYPE_ADDR && net_holds(&v->net, x->addr);
	if (v->kind == VALUE_INT)
		return (x->type == TYPE_INT || x->type == TYPE_BOOL) && num_matches(t->op, v, x->n);
	return str_matches(m, t, v, value_text(m, x));
}

/* ---- tests and conditions ---- */

/* "A subject alone tests that it is present or true." */
static bool present(const struct p_test *t, const struct values *xs)
{
	return xs->n > 0 && (t->subject->type != TYPE_BOOL || xs->at[0].n != 0);
}

/* "=op holds if at least one value matches at least one occurrence of the subject; !op is its
 * negation." */
static bool test_holds(struct machine *m, const struct p_test *t, const struct values *xs)
{
	const struct p_value *vs = t->set ? t->set->values : t->values;
	uint32_t nvs = t->set ? t->set->nvalues : t->nvalues;
	bool any = t->op == OP_TRUE && present(t, xs);

	for (uint32_t i = 0; t->op != OP_TRUE && i < xs->n && !any; i++)
		for (uint32_t k = 0; k < nvs && !any && !m->limit; k++)
			any = value_matches(m, t, &vs[k], &xs->at[i]);
	return any != t->negated;
}

void capture_groups(struct machine *m, const struct p_test *t)
{
	struct values xs;

	m->groups = (struct groups) { 0 };
	if (t->negated || t->nvalues != 1 || t->values[0].kind != VALUE_REGEX)
		return;
	subject_values(m, t->subject, &xs);
	for (uint32_t i = 0; i < xs.n && !m->limit; i++)
		if (regex_matches(m, t->values[0].regex, value_text(m, &xs.at[i]), &m->groups))
			return;
}

static void trace(struct machine *m, struct trace_test what)
{
	GROWN(m->a, m->now->tests, m->now->ntests, &m->tests_room);
	m->now->tests[m->now->ntests++] = what;
}

static bool traced_test(struct machine *m, const struct p_test *t, unsigned depth)
{
	struct values xs;
	bool held;

	subject_values(m, t->subject, &xs);
	held = test_holds(m, t, &xs);
	if (m->st->brief)
		return held;
	trace(m, (struct trace_test) {
			 .test = t, .depth = depth, .held = held, .subject = values_text(m, &xs) });
	return held;
}

/* The acl's own line stands before what it consists of. */
static bool traced_acl(struct machine *m, const struct p_acl *a, unsigned depth)
{
	uint32_t at = m->now->ntests;
	bool held;

	if (m->st->brief)
		return expr_holds(m, a->expr, depth + 1);
	trace(m, (struct trace_test) { .acl = a, .depth = depth });
	held = expr_holds(m, a->expr, depth + 1);
	m->now->tests[at].held = held;
	return held;
}

/* For the trace alone: what has been found out stands, a match limit too. */
static void look_at_rest(struct machine *m, const struct p_expr *e, uint32_t from, unsigned depth)
{
	bool limit = m->limit;

	for (uint32_t i = from; m->st->whole && i < e->nkids && !limit; i++) {
		expr_holds(m, e->kids[i], depth);
		m->limit = false;
	}
}

/* "!" binds before AND, AND before OR; from the left, only as far as needed; a match limit ends
 * all. */
bool expr_holds(struct machine *m, const struct p_expr *e, unsigned depth)
{
	bool all = e->kind == PE_AND;

	if (m->limit)
		return false;
	switch (e->kind) {
	case PE_TRUE:
		return true;
	case PE_FALSE:
		return false;
	case PE_NOT:
		return !expr_holds(m, e->kids[0], depth);
	case PE_TEST:
		return traced_test(m, e->test, depth);
	case PE_ACL:
		return traced_acl(m, e->acl, depth);
	case PE_AND:
	case PE_OR:
		break;
	}
	for (uint32_t i = 0; i < e->nkids; i++)
		if (expr_holds(m, e->kids[i], depth) != all) {
			look_at_rest(m, e, i + 1, depth);
			return !all;
		}
	return all;
}
