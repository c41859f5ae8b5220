/* SPDX-License-Identifier: Apache-2.0 */
/* values: a test of many values, and a map of many keys, as tables of their own, so that one value is
 * looked up among them at the cost of one look. In a test all values are literal 0; in a map each key
 * is the literal of its number. */
#include "decide_part.h"

static const struct ws_value *value_row(struct emit *e, uint32_t i)
{
	return table_row(&e->tables[EMIT_VALUES], i);
}

/* <v> as the compiler's value; false: it has none that a scan finds. */
static bool value_of(struct emit *e, const struct ws_value *v, struct p_value *out)
{
	const struct ws_net *net;

	*out = (struct p_value) { .icase = v->flags & WS_V_ICASE, .bound = v->flags & WS_V_BOUND };
	switch (v->kind) {
	case WS_V_STR:
		out->kind = VALUE_STR;
		out->text = v->hi ? str_of(table_row(&e->tables[EMIT_TEXT], (uint32_t)v->lo),
					   (size_t)v->hi)
				  : S("");
		return true;
	case WS_V_INT:
		out->kind = VALUE_INT;
		out->lo = v->lo;
		out->hi = v->hi;
		return true;
	case WS_V_NET:
		net = table_row(&e->tables[EMIT_NETS], v->index);
		out->kind = VALUE_NET;
		memcpy(out->net.addr, net->ip, sizeof(out->net.addr));
		out->net.bits = net->bits;
		return true;
	default:
		return false;
	}
}

/* The scan of the values <run> under <op>: 1 + its row, or 0. */
static uint32_t put_values(struct emit *e, enum operator_id op, struct ws_run run, bool keys)
{
	struct pattern *patterns = ARENA_ARRAY(e->arena, struct pattern, run.n);
	struct entry *entries = ARENA_ARRAY(e->arena, struct entry, run.n);
	uint32_t steps = 0, worst = 0;
	struct ws_scan row = { 0 };

	for (uint32_t i = 0; i < run.n; i++) {
		struct p_value v;

		if (!value_of(e, value_row(e, run.first + i), &v) ||
		    !decide_pattern(e->arena, op, &v, &patterns[i]))
			return 0;
		entries[i] = (struct entry) { .p = &patterns[i], .literal = keys ? i : 0 };
	}
	decide_structures(e, entries, run.n, &row, &steps, &worst);
	return emit_put(e, EMIT_DECIDE_SCANS, &row, 1) + 1;
}

/* The runs that have been put, by their first value. */
struct known_run {
	uint32_t n, op, scan;
	bool keys;
};

static uint32_t scan_of(struct emit *e, struct known_run *known, enum operator_id op,
			struct ws_run run, bool keys)
{
	struct known_run *k = &known[run.first];

	if (k->n != run.n || k->op != (uint32_t)op || k->keys != keys)
		*k = (struct known_run) { run.n, (uint32_t)op, put_values(e, op, run, keys), keys };
	e->parts[PART_DECIDE_INDEX] |= k->scan != 0;
	return k->scan;
}

void decide_values(struct emit *e, enum decide_mode mode)
{
	struct known_run *known =
		ARENA_ARRAY(e->arena, struct known_run, e->tables[EMIT_VALUES].n + 1);
	uint32_t many = mode == DECIDE_ALWAYS ? 1 : DECIDE_VALUES_MANY;

	for (uint32_t i = 0; i < e->tables[EMIT_TESTS].n; i++) {
		struct ws_test *t = table_row(&e->tables[EMIT_TESTS], i);

		if (!t->set && t->values.n >= many)
			t->scan = scan_of(e, known, (enum operator_id)t->op, t->values, false);
	}
	for (uint32_t i = 0; i < e->tables[EMIT_MAPS].n; i++) {
		struct ws_map *m = table_row(&e->tables[EMIT_MAPS], i);

		if (!m->dynamic && m->keys.n >= many)
			m->scan = scan_of(e, known, (enum operator_id)m->op, m->keys, true);
	}
}
