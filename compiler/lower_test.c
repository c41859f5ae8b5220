/* SPDX-License-Identifier: Apache-2.0 */
/* lower_test: one test, its operator checked against the subject's type, its values typed. */
#include "lower_part.h"
#include "option.h"
#include "value.h"

static const struct {
	struct str yes, no;
} ops[OPERATORS] = {
	[OP_TRUE] = { { "", 0 }, { "", 0 } },
#define OPERATOR(id, yes, no, doc) [OP_##id] = { { yes, sizeof(yes) - 1 }, { no, sizeof(no) - 1 } },
#include "../grammar/operator.def"
};

static const char *const type_names[] = { "a text", "a number", "an address",
					  "what is true or false" };

static bool op_fits(enum operator_id op, enum p_type type)
{
	switch (type) {
	case TYPE_STR:
		return op < OP_LT;
	case TYPE_INT:
		return op == OP_EQ || op == OP_TRUE || op >= OP_LT;
	case TYPE_ADDR:
		return op == OP_EQ || op == OP_TRUE;
	default:
		return op == OP_TRUE;
	}
}

static bool find_op(const struct ast_test *t, enum p_type type, struct p_test *out)
{
	for (int op = OP_TRUE; op < OPERATORS; op++) {
		bool no = ops[op].no.n && str_eq(ops[op].no, t->op);

		if (!no && !str_eq(ops[op].yes, t->op))
			continue;
		out->op = (enum operator_id)op;
		out->negated = no;
		if (op_fits(out->op, type))
			return true;
		diag(E050, t->op_at, STR_ARG(t->op), type_names[type]);
		return false;
	}
	diag(E056, t->op_at, STR_ARG(t->op), "operator");
	return false;
}

/* Letters that mean nothing for this value. */
static bool check_letters(const struct ast_value *v, enum p_type type, enum operator_id op)
{
	unsigned good = type != TYPE_STR ? 0 : VAL_ICASE | VAL_CASE;
	unsigned bad;

	if (op == OP_RE && good)
		good |= VAL_FREE;
	if ((op == OP_PREFIX || op == OP_SUFFIX) && good)
		good |= VAL_BOUND;
	bad = v->opts & ~good;
	if ((v->opts & (VAL_ICASE | VAL_CASE)) == (VAL_ICASE | VAL_CASE))
		bad |= VAL_CASE;
	if (bad)
		diag(E057, v->opts_at,
		     bad & VAL_ICASE  ? 'i'
		     : bad & VAL_CASE ? 'c'
		     : bad & VAL_FREE ? 'x'
				      : 'b');
	return !bad;
}

/* %{...} alone, or a text with ${param}: which operators take them is said in language.md 1 and 3.
 * */
static bool computed_value(struct use *u, const struct ast_value *v, enum p_type type,
			   enum operator_id op, struct p_value *out)
{
	unsigned flags = TEXT_NO_BACKREF;

	if (text_has_subject(v->text)) {
		if (op != OP_EQ && type != TYPE_INT) {
			diag(E059, v->at, "%{subject}",
			     "only == and the operators of numbers take it");
			return false;
		}
	} else {
		if (op != OP_EQ && op != OP_PREFIX && op != OP_SUFFIX && op != OP_DOTWORD &&
		    type != TYPE_INT) {
			diag(E059, v->at, "${param}",
			     "only == =^ =* =. and the operators of numbers take it");
			return false;
		}
		flags = TEXT_PARAMS;
	}
	out->kind = VALUE_TEXT;
	out->computed = lower_text(u, v, flags);
	if (!out->computed)
		return false;
	if (flags != TEXT_PARAMS &&
	    (out->computed->n != 1 || out->computed->pieces[0].kind != PIECE_SUBJECT)) {
		diag(E059, v->at, "%{subject}", "in a test it must be the whole value");
		return false;
	}
	return true;
}

static bool number_value(const struct ast_value *v, enum operator_id op, struct p_value *out)
{
	const char *why;

	out->kind = VALUE_INT;
	if (op == OP_EQ) {
		why = value_range(v->text, &out->lo, &out->hi);
	} else {
		why = value_int(v->text, &out->lo);
		out->hi = out->lo;
	}
	if (why)
		diag(E007, v->at, STR_ARG(v->text), "a number", why);
	return !why;
}

static bool address_value(const struct ast_value *v, struct p_value *out)
{
	bool host_bits;
	const char *why = value_net(v->text, &out->net, &host_bits);

	out->kind = VALUE_NET;
	if (why)
		diag(E007, v->at, STR_ARG(v->text), "an address", why);
	else if (host_bits)
		option_host_bits(v, &out->net);
	return !why;
}

/* "%%{" and "$${" stand for the characters themselves. */
static struct str undouble(struct arena *a, struct str s)
{
	struct textbuf b = { 0 };

	if (str_find(s, S("%%{")) < 0 && str_find(s, S("$${")) < 0)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] == '%' || s.p[i] == '$') && i + 2 < s.n && s.p[i + 1] == s.p[i] &&
		    s.p[i + 2] == '{')
			i++;
		textbuf_byte(a, &b, s.p[i]);
	}
	return textbuf_str(&b);
}

bool lower_value(struct use *u, const struct ast_value *v, enum p_type type, enum operator_id op,
		 bool icase, struct p_value *out)
{
	*out = (struct p_value) { .kind = VALUE_STR };
	if (!check_letters(v, type, op))
		return false;
	if (type == TYPE_STR) {
		out->icase = v->opts & VAL_CASE ? false : v->opts & VAL_ICASE ? true : icase;
		out->bound = v->opts & VAL_BOUND;
	}
	if (op == OP_RE && type == TYPE_STR) {
		out->kind = VALUE_REGEX;
		out->regex = lower_regex(u, v, out->icase);
		return out->regex != NULL;
	}
	if (text_has_subject(v->text) || text_has_param(v->text))
		return computed_value(u, v, type, op, out);
	if (type == TYPE_INT)
		return number_value(v, op, out);
	if (type == TYPE_ADDR)
		return address_value(v, out);
	out->text = undouble(u->m->arena, value_plain(u->m->arena, v->text));
	return true;
}

/* Ports and status codes have a smaller range than numbers have. */
static bool check_range(const struct p_test *t, const struct ast_value *v,
			const struct p_value *value)
{
	enum subject_id id = t->subject->id;
	bool port = id == SUBJ_SRC_PORT || id == SUBJ_DST_PORT;

	if (value->kind != VALUE_INT || t->subject->measure || t->subject->convs)
		return true;
	if (port && (value->lo < 0 || value->hi > 65535))
		diag(E007, v->at, STR_ARG(v->text), "a port", "a port is 0 to 65535");
	else if (id == SUBJ_STATUS && (value->lo < 100 || value->hi > 999) && t->op == OP_EQ)
		diag(E007, v->at, STR_ARG(v->text), "a status", "a status is 100 to 999");
	else
		return true;
	return false;
}

static bool read_values(struct use *u, const struct ast_test *t, struct p_test *out)
{
	const struct p_subject *s = out->subject;
	struct vec list = { 0 };
	bool good = true;

	if (t->from == VALS_SET) {
		out->set = lower_set(u, t->values, s->type, out->op, s->icase);
		return out->set != NULL;
	}
	if (t->from == VALS_FILE && !lower_file(u->m, t->values, &list))
		return false;
	for (const struct ast_value *v = t->from == VALS_FILE ? NULL : t->values; v; v = v->next)
		vec_push(u->m->arena, &list, (void *)v);
	out->values = ARENA_ARRAY(u->m->arena, struct p_value, list.n);
	for (size_t i = 0; i < list.n; i++) {
		const struct ast_value *v = list.p[i];
		struct p_value *value = &out->values[i];

		if (!lower_value(u, v, s->type, out->op, s->icase, value) ||
		    !check_range(out, v, value))
			good = false;
		else if (value->kind == VALUE_TEXT && list.n > 1 && text_has_subject(v->text)) {
			diag(E059, v->at, "%{subject}", "it must be the only value");
			good = false;
		}
	}
	out->nvalues = (uint32_t)list.n;
	return good;
}

struct p_test *lower_test(struct use *u, const struct ast_test *t)
{
	struct p_test *out = ARENA_NEW(u->m->arena, struct p_test);

	out->place = place_of(t->at);
	out->subject = lower_subject(u, t->subject);
	if (!out->subject || !find_op(t, out->subject->type, out))
		return NULL;
	if (out->op != OP_TRUE && !t->values) {
		diag(E054, t->op_at, arena_printf(u->m->arena, "%.*s", STR_ARG(t->op)).p,
		     "one value or more");
		return NULL;
	}
	return read_values(u, t, out) ? out : NULL;
}
