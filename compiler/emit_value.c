/* SPDX-License-Identifier: Apache-2.0 */
#include "emit_part.h"

_Static_assert((int)TYPE_STR == WS_STR && (int)TYPE_INT == WS_INT && (int)TYPE_ADDR == WS_ADDR &&
		       (int)TYPE_BOOL == WS_BOOL,
	       "types of program and site");
_Static_assert((int)SUBJECTS == WS_SUBJECTS && (int)OPERATORS == WS_OPERATORS,
	       "ids of program and site");

static const uint8_t base_types[] = {
#define SUBJECT(id, name, arg, type, many, where, doc) WS_##type,
#include "../grammar/subject.def"
};

struct ws_ref emit_ref(struct emit *e, struct str s)
{
	struct ws_ref r = { .len = (uint32_t)s.n };

	if (s.n)
		r.off = emit_put(e, EMIT_TEXT, s.p, (uint32_t)s.n);
	return r;
}

uint32_t emit_place(struct emit *e, struct p_place at)
{
	struct ws_place row = { .file = at.file, .line = at.line };

	return emit_put(e, EMIT_PLACES, &row, 1);
}

bool emit_is_constant(const struct p_text *t, struct str *out)
{
	*out = t->n ? t->pieces[0].text : S("");
	return t->n == 0 || (t->n == 1 && t->pieces[0].kind == PIECE_LITERAL);
}

static struct ws_piece piece_row(struct emit *e, const struct p_piece *p)
{
	struct ws_piece row = { 0 };

	switch (p->kind) {
	case PIECE_LITERAL:
		row.kind = WS_P_LITERAL;
		row.text = emit_ref(e, p->text);
		break;
	case PIECE_SUBJECT:
		row.kind = WS_P_SUBJECT;
		row.index = emit_subject(e, p->subject);
		break;
	case PIECE_BACKREF:
		row.kind = WS_P_BACKREF;
		row.index = p->backref;
		break;
	case PIECE_PARAM:
		row.kind = WS_P_PARAM;
		row.index = p->param->index;
		break;
	}
	return row;
}

/* An empty text has one empty piece, so that every text has a place in the table of pieces. */
uint32_t emit_text(struct emit *e, const struct p_text *t)
{
	struct ws_piece empty = { .kind = WS_P_LITERAL };
	struct ws_text row = { .pieces = { .n = 1 } };
	struct ws_piece *rows;

	if (!t)
		return WS_NONE;
	if (t->n == 0) {
		row.pieces.first = emit_put(e, EMIT_PIECES, &empty, 1);
		return emit_put(e, EMIT_TEXTS, &row, 1);
	}
	rows = ARENA_ARRAY(e->arena, struct ws_piece, t->n);
	for (uint32_t i = 0; i < t->n; i++)
		rows[i] = piece_row(e, &t->pieces[i]);
	row.pieces.n = t->n;
	row.pieces.first = emit_put(e, EMIT_PIECES, rows, t->n);
	return emit_put(e, EMIT_TEXTS, &row, 1);
}

uint32_t emit_constant(struct emit *e, struct str s)
{
	struct p_piece piece = { .kind = PIECE_LITERAL, .text = s };
	struct p_text text = { .n = 1, .pieces = &piece };

	return emit_text(e, &text);
}

uint32_t emit_regex(struct emit *e, const struct p_regex *r, bool groups)
{
	struct ws_regex row = { 0 }, *made;
	uint32_t *known;

	if (!r)
		return WS_NONE;
	known = &e->regex_rows[r->index];
	if (*known == WS_NONE) {
		e->parts[PART_REGEX_PCRE2] = true;
		row.text = emit_ref(e, r->text);
		row.flags = (r->icase ? WS_RE_ICASE : 0u) | (r->freespace ? WS_RE_FREE : 0u);
		*known = emit_add(e, EMIT_REGEXES, &row, 1);
	}
	made = table_row(&e->tables[EMIT_REGEXES], *known);
	made->flags |= groups ? WS_RE_GROUPS : 0u;
	return *known;
}

static void net_row(struct ws_net *row, const struct p_net *net)
{
	memset(row, 0, sizeof(*row));
	memcpy(row->ip, net->addr, sizeof(row->ip));
	row->bits = net->bits;
}

struct ws_run emit_nets(struct emit *e, const struct p_net *nets, uint32_t n)
{
	struct ws_net *rows = ARENA_ARRAY(e->arena, struct ws_net, n);

	for (uint32_t i = 0; i < n; i++)
		net_row(&rows[i], &nets[i]);
	return (struct ws_run) { .first = emit_put(e, EMIT_NETS, rows, n), .n = n };
}

/* -- subjects
 * ------------------------------------------------------------------------------------ */

static uint32_t conv_function(struct emit *e, enum converter_id id)
{
	if (e->conv_fn[id] == WS_NONE) {
		e->conv_fn[id] = e->nconvs;
		e->convs[e->nconvs++] = id;
	}
	return e->conv_fn[id];
}

static uint32_t nconvs(const struct p_subject *s)
{
	uint32_t n = 0;

	for (const struct p_conv *c = s->convs; c; c = c->next)
		n++;
	return n;
}

static uint8_t type_after(const struct p_conv *c, uint8_t type)
{
	return (uint8_t)(c->id == CONV_HASH ? WS_INT : c->id == CONV_MASK ? type : WS_STR);
}

/* The first <n> converters of <s>. */
static struct ws_run convs(struct emit *e, const struct p_subject *s, uint32_t n)
{
	struct ws_conv *rows = ARENA_ARRAY(e->arena, struct ws_conv, n);
	struct ws_run run = { .n = n };
	const struct p_conv *c = s->convs;
	uint8_t type = base_types[s->id];

	for (uint32_t i = 0; i < n; i++, c = c->next) {
		rows[i] = (struct ws_conv) {
			.fn = conv_function(e, c->id),
			.num = (int32_t)c->num,
			.num2 = c->id == CONV_HASH ? type : (int32_t)c->num2,
			.delim = (unsigned char)c->delim,
			.regex = emit_regex(e, c->regex, true),
			.text = emit_text(e, c->text),
			.map = emit_map(e, c->map, type, s->icase),
		};
		type = type_after(c, type);
	}
	run.first = emit_put(e, EMIT_CONV_ROWS, rows, n);
	return run;
}

uint32_t emit_checkpoint(const struct emit *e, const struct p_section *cp)
{
	return cp ? cp->index - e->nnamed : WS_NONE;
}

static int64_t subject_number(const struct emit *e, const struct p_subject *s)
{
	if (s->section && s->section->kind == SEC_CHECKPOINT)
		return emit_checkpoint(e, s->section);
	if (s->section)
		return s->section->index;
	return s->id == SUBJ_H ? ws_field_id(s->name) : s->num;
}

bool emit_is_one(const struct p_subject *s)
{
	static const bool one[] = {
#define MANY false
#define ONE true
#define SUBJECT(id, name, arg, type, many, where, doc) many,
#include "../grammar/subject.def"
#undef MANY
#undef ONE
	};

	if (s->measure == MEASURE_COUNT)
		return true;
	for (const struct p_conv *c = s->convs; c; c = c->next)
		if (c->id == CONV_LIST)
			return false;
	return one[s->id];
}

/* <s> with its first <n> converters. */
static uint32_t subject_row(struct emit *e, const struct p_subject *s, uint32_t n)
{
	struct ws_subject row;

	e->subjects[s->id] = true;
	if (s->id == SUBJ_HELLO)
		e->parts[PART_PREREAD_HELLO] = true;
	memset(&row, 0, sizeof(row));
	row.id = (uint8_t)s->id;
	row.flags =
		(uint8_t)((s->of_request ? WS_SUBJ_REQUEST : 0) | (s->icase ? WS_SUBJ_ICASE : 0) |
			  (s->measure == MEASURE_LEN ? WS_SUBJ_LEN : 0) |
			  (s->measure == MEASURE_COUNT ? WS_SUBJ_COUNT : 0) |
			  (emit_is_one(s) ? WS_SUBJ_ONE : 0));
	row.type = (uint8_t)s->type;
	row.base_type = base_types[s->id];
	row.name = emit_ref(e, s->name);
	row.num = subject_number(e, s);
	row.convs = convs(e, s, n);
	return emit_put(e, EMIT_SUBJECTS, &row, 1);
}

uint32_t emit_subject(struct emit *e, const struct p_subject *s)
{
	uint32_t *known;

	if (!s)
		return WS_NONE;
	known = &e->subject_rows[s->index];
	if (*known == WS_NONE)
		*known = subject_row(e, s, nconvs(s));
	return *known;
}

uint32_t emit_key(struct emit *e, const struct p_subject *s)
{
	return subject_row(e, s, nconvs(s) - 1);
}

/* -- tests
 * --------------------------------------------------------------------------------------- */

/* A computed address whose text holds params alone is parsed when the binary starts. */
static void bound_net(struct emit *e, const struct p_text *t, uint32_t text, struct p_place at)
{
	struct ws_value_net row = { .text = text, .where = emit_place(e, at) };
	const struct table *rows = &e->tables[EMIT_VALUE_NETS];

	for (uint32_t i = 0; i < t->n; i++)
		if (t->pieces[i].kind != PIECE_LITERAL && t->pieces[i].kind != PIECE_PARAM)
			return;
	for (uint32_t i = 0; i < rows->n; i++)
		if (((const struct ws_value_net *)table_row(rows, i))->text == text)
			return;
	emit_add(e, EMIT_VALUE_NETS, &row, 1);
}

static struct ws_value value_row(struct emit *e, const struct p_value *v, enum p_type type,
				 struct p_place at)
{
	struct ws_value row = { 0 };
	struct ws_net net;
	struct ws_ref ref;

	row.flags = (uint8_t)((v->icase ? WS_V_ICASE : 0) | (v->bound ? WS_V_BOUND : 0));
	switch (v->kind) {
	case VALUE_STR:
		row.kind = WS_V_STR;
		ref = emit_ref(e, v->text);
		row.lo = ref.off;
		row.hi = ref.len;
		break;
	case VALUE_INT:
		row.kind = WS_V_INT;
		row.lo = v->lo;
		row.hi = v->hi;
		break;
	case VALUE_NET:
		row.kind = WS_V_NET;
		net_row(&net, &v->net);
		row.index = emit_put(e, EMIT_NETS, &net, 1);
		break;
	case VALUE_REGEX:
		row.kind = WS_V_REGEX;
		row.flags = 0;
		row.index = emit_regex(e, v->regex, false);
		break;
	case VALUE_TEXT:
		row.kind = WS_V_TEXT;
		row.index = emit_text(e, v->computed);
		if (type == TYPE_ADDR)
			bound_net(e, v->computed, row.index, at);
		break;
	}
	return row;
}

static struct ws_run values(struct emit *e, const struct p_value *v, uint32_t n, enum p_type type,
			    struct p_place at)
{
	struct ws_value *rows = ARENA_ARRAY(e->arena, struct ws_value, n);

	for (uint32_t i = 0; i < n; i++)
		rows[i] = value_row(e, &v[i], type, at);
	return (struct ws_run) { .first = emit_put(e, EMIT_VALUES, rows, n), .n = n };
}

/* What the runtime needs to read a key that is added. */
static void dynamic_map(struct emit *e, const struct p_map *m, uint8_t type, bool icase,
			struct ws_map *row)
{
	row->dynamic = true;
	row->type = type;
	row->icase = icase ? WS_V_ICASE : 0;
	e->parts[PART_DYNAMIC] = true;
	e->adds_regexes |= m->op == OP_RE;
	e->parts[PART_REGEX_PCRE2] |= m->op == OP_RE;
}

static uint32_t map_row(struct emit *e, const struct p_map *m, const struct ws_ref *vals,
			uint8_t type, bool icase, bool sections)
{
	struct ws_map row = { .sections = sections };

	if (m->dynamic)
		dynamic_map(e, m, type, icase, &row);
	else
		row.sections = 0;
	row.name = emit_ref(e, m->name);
	row.op = (uint32_t)m->op;
	row.keys = values(e, m->keys, m->n, TYPE_STR, m->place);
	row.vals = emit_put(e, EMIT_MAP_VALS, vals, m->n);
	return emit_put(e, EMIT_MAPS, &row, 1);
}

uint32_t emit_map(struct emit *e, const struct p_map *m, uint8_t type, bool icase)
{
	struct ws_ref *vals;
	uint32_t *known;

	if (!m)
		return WS_NONE;
	known = &e->map_rows[m->index];
	if (*known != WS_NONE)
		return *known;
	vals = ARENA_ARRAY(e->arena, struct ws_ref, m->n);
	for (uint32_t i = 0; i < m->n; i++)
		vals[i] = emit_ref(e, m->vals[i]);
	return *known = map_row(e, m, vals, type, icase, false);
}

uint32_t emit_section(const struct emit *e, struct str name)
{
	uint32_t low = 0, high = e->nnamed;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (str_cmp(e->named[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < e->nnamed && str_eq(e->named[low]->name, name) ? e->named[low]->index
								    : WS_NONE;
}

uint32_t emit_choices(struct emit *e, const struct p_map *m, const struct p_subject *s)
{
	uint8_t type = base_types[s->id];
	struct ws_ref *vals = ARENA_ARRAY(e->arena, struct ws_ref, m->n);

	for (uint32_t i = 0; i < m->n; i++)
		vals[i] = (struct ws_ref) { .off = emit_section(e, m->vals[i]) };
	for (const struct p_conv *c = s->convs; c->next; c = c->next)
		type = type_after(c, type);
	return map_row(e, m, vals, type, s->icase, true);
}

/* 1 + the row of the dynamic set that <t> asks. */
static uint32_t set_row(struct emit *e, const struct p_test *t, struct ws_run run)
{
	struct ws_set row = { .values = run, .type = (uint8_t)t->subject->type };

	row.name = emit_ref(e, t->set->name);
	row.op = (uint8_t)(t->subject->type == TYPE_STR ? t->op : OP_EQ);
	row.icase = t->subject->icase ? WS_V_ICASE : 0;
	e->parts[PART_DYNAMIC] = true;
	e->adds_regexes |= t->op == OP_RE;
	e->parts[PART_REGEX_PCRE2] |= t->op == OP_RE;
	return 1 + emit_put(e, EMIT_SETS, &row, 1);
}

uint32_t emit_test(struct emit *e, const struct p_test *t)
{
	struct ws_test row = { 0 };

	row.subject = emit_subject(e, t->subject);
	row.op = (uint8_t)t->op;
	if (t->set)
		row.values =
			values(e, t->set->values, t->set->nvalues, t->subject->type, t->set->place);
	else
		row.values = values(e, t->values, t->nvalues, t->subject->type, t->place);
	if (t->set && t->set->dynamic)
		row.set = set_row(e, t, row.values);
	return emit_put(e, EMIT_TESTS, &row, 1);
}
