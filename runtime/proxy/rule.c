/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include "count.h"

#include <string.h>

#include "decide.h"
#include "dynamic.h"

static const struct ws_section *section_row(uint32_t i)
{
	return &site.ws->sections[i];
}

/* -- scratch ------------------------------------------------------------------------------------
 */

char *rule_scratch(size_t n)
{
	struct proxy_thread *p = pt();
	char *at = p->scratch + p->scratch_used;

	if (n > SCRATCH_SIZE - p->scratch_used)
		return NULL;
	p->scratch_used += (uint32_t)n;
	return at;
}

/* -- conditions ---------------------------------------------------------------------------------
 */

static bool bounded(const struct ws_subject *s, struct str text, size_t from, size_t to)
{
	bool host = s->id == WS_SUBJ_HOST || s->id == WS_SUBJ_SNI ||
		    (s->id == WS_SUBJ_H && str_eq(ws_str(s->name), S("host")));

	/* A prefix ends, a suffix begins, where a delimiter stands on either side of the cut. */
	for (size_t at = from; at < to; at++) {
		char c = text.p[at];

		if (host ? c == '.' : c == '/' || c == '?')
			return true;
	}
	return false;
}

static bool eq(struct str a, struct str b, bool icase)
{
	return icase ? str_ieq(a, b) : str_eq(a, b);
}

static bool prefix(const struct ws_subject *s, struct str text, struct str want, uint8_t flags)
{
	if (text.n < want.n || !eq(str_first(text, want.n), want, flags & WS_V_ICASE))
		return false;
	return !(flags & WS_V_BOUND) || text.n == want.n ||
	       bounded(s, text, want.n - (want.n > 0), want.n + 1);
}

static bool suffix(const struct ws_subject *s, struct str text, struct str want, uint8_t flags)
{
	size_t at = text.n - want.n;

	if (text.n < want.n || !eq(str_skip(text, at), want, flags & WS_V_ICASE))
		return false;
	return !(flags & WS_V_BOUND) || at == 0 || bounded(s, text, at - 1, at + (want.n > 0));
}

/* <want> stands in <text> between delimiters, its start or its end. */
static bool word(struct str text, struct str want, char delim, bool icase)
{
	for (size_t at = 0; at + want.n <= text.n; at++) {
		ptrdiff_t next;

		if (eq(str_of(text.p + at, want.n), want, icase) &&
		    (at + want.n == text.n || text.p[at + want.n] == delim))
			return true;
		next = str_chr(str_skip(text, at), delim);
		if (next < 0)
			return false;
		at += (size_t)next;
	}
	return false;
}

bool rule_match_str(const struct ws_subject *s, uint8_t op, struct str text, struct str want,
		    uint8_t flags)
{
	bool icase = flags & WS_V_ICASE;

	switch (op) {
	case WS_OP_EQ:
		return eq(text, want, icase);
	case WS_OP_PREFIX:
		return prefix(s, text, want, flags);
	case WS_OP_SUFFIX:
		return suffix(s, text, want, flags);
	case WS_OP_SUBSTR:
		return (icase ? str_ifind(text, want) : str_find(text, want)) >= 0;
	case WS_OP_WORD:
		return word(text, want, '/', icase);
	case WS_OP_DOTWORD:
		return word(text, want, '.', icase);
	default:
		return false;
	}
}

bool rule_match_int(uint8_t op, int64_t n, int64_t lo, int64_t hi)
{
	switch (op) {
	case WS_OP_EQ:
		return n >= lo && n <= hi;
	case WS_OP_LT:
		return n < lo;
	case WS_OP_LE:
		return n <= lo;
	case WS_OP_GT:
		return n > lo;
	case WS_OP_GE:
		return n >= lo;
	default:
		return false;
	}
}

/* The groups outlive the message's next edit, which may move its block: they are taken on a copy.
 */
bool rule_match_regex(struct rule_run *r, const struct regex_code *code, struct str text,
		      bool capturing)
{
	char *copy;
	int found;

	if (!capturing) {
		found = site.ws->regex->match(code, text, NULL);
	} else {
		copy = rule_scratch(text.n);
		if (!copy) {
			r->limit = true;
			return false;
		}
		memcpy(copy, text.p, text.n);
		found = site.ws->regex->match(code, str_of(copy, text.n), r->groups);
	}
	if (found < 0)
		r->limit = true;
	return found > 0;
}

/* A number written in a text: optional sign, digits. */
static bool text_int(struct str s, int64_t *out)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;

	if (!str_u64(str_skip(s, minus), INT64_MAX, &v))
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool in_net(const uint8_t ip[16], const struct ws_net *net)
{
	struct addr_net n = { .bits = net->bits };

	memcpy(n.ip, net->ip, 16);
	return addr_in_net(ip, &n);
}

/* A computed value: %{…} or ${…}. */
static bool match_text(struct rule_run *r, const struct ws_subject *s, uint8_t op,
		       const struct ws_value *w, const struct val *v)
{
	struct addr_net net;
	struct str want;
	int64_t n;

	if (s->type == WS_ADDR && site.value_nets[w->index].spare[0])
		return in_net(v->ip.ip, &site.value_nets[w->index]);
	if (!rule_text(r, w->index, &want))
		return false;
	if (s->type == WS_ADDR)
		return !addr_parse_net(want, &net) && addr_in_net(v->ip.ip, &net);
	if (s->type == WS_INT)
		return text_int(want, &n) && rule_match_int(op, v->num, n, n);
	return rule_match_str(s, op, v->s, want, w->flags);
}

bool rule_match(struct rule_run *r, const struct ws_subject *s, uint8_t op,
		const struct ws_value *w, const struct val *v)
{
	switch (w->kind) {
	case WS_V_STR:
		return rule_match_str(s, op, v->s, str_of(site.ws->text + w->lo, (size_t)w->hi),
				      w->flags);
	case WS_V_INT:
		return rule_match_int(op, v->num, w->lo, w->hi);
	case WS_V_NET:
		return v->ip.kind == AK_INET && in_net(v->ip.ip, &site.ws->nets[w->index]);
	case WS_V_REGEX:
		return rule_match_regex(r, site.regexes[w->index], v->s, false);
	case WS_V_TEXT:
		return match_text(r, s, op, w, v);
	default:
		return false;
	}
}

static bool match_value(struct rule_run *r, const struct ws_subject *s, const struct ws_test *t,
			const struct ws_value *w, const struct val *v)
{
	if (w->kind == WS_V_REGEX && r->rule && r->rule->capturing != WS_NONE &&
	    t == &site.ws->tests[r->rule->capturing])
		return rule_match_regex(r, site.regexes[w->index], v->s, true);
	return rule_match(r, s, t->op, w, v);
}

/* At least one value matches at least one occurrence (language.md 3). */
static bool any_match(struct rule_run *r, const struct ws_test *t)
{
	const struct ws_subject *s = &site.ws->subjects[t->subject];
	struct occurrence it = { 0 };
	struct val v;

	while (rule_next(r, t->subject, &it, &v)) {
		if (t->op == WS_OP_TRUE)
			return s->type != WS_BOOL || v.num;
		if (t->set && site.ws->dynamic->among(r, t, s, &v))
			return true;
		if (t->scan && site.ws->decide->among(&site.ws->decide_scans[t->scan - 1], s, &v))
			return true;
		for (uint32_t i = 0; !t->scan && !t->set && i < t->values.n; i++)
			if (match_value(r, s, t, &site.ws->values[t->values.first + i], &v))
				return true;
		if (r->limit || s->flags & WS_SUBJ_ONE)
			return false;
	}
	return false;
}

bool rule_test(struct rule_run *r, const struct ws_test *t)
{
	return any_match(r, t) != ((t->flags & WS_TEST_NOT) != 0);
}

bool rule_cond(struct rule_run *r, uint32_t node)
{
	while (node != WS_YES && node != WS_NO) {
		const struct ws_node *n = &site.ws->nodes[node];

		node = rule_test(r, &site.ws->tests[n->test]) ? n->yes : n->no;
		if (r->limit)
			return false;
	}
	return node == WS_YES;
}

/* -- occurrences --------------------------------------------------------------------------------
 */

static bool convert(struct rule_run *r, const struct ws_subject *s, struct occurrence *it,
		    struct val *v)
{
	for (uint32_t i = 0; i < s->convs.n; i++) {
		const struct ws_conv *c = &site.ws->conv_rows[s->convs.first + i];

		if (!site.ws->convs[c->fn]->run(r, c, v, &it->again))
			return false;
	}
	return true;
}

/* The next raw value, or the same one again when a list has more elements. */
static bool next_base(struct rule_run *r, uint32_t row, const struct ws_subject *s,
		      struct occurrence *it, struct val *v)
{
	if (it->again == 0) {
		memset(&it->base, 0, sizeof(it->base));
		if (!site.ws->subject_parts[row]->next(r, s, &it->fetch, &it->base))
			return false;
	}
	*v = it->base;
	return true;
}

static bool next_value(struct rule_run *r, uint32_t row, const struct ws_subject *s,
		       struct occurrence *it, struct val *v)
{
	while (next_base(r, row, s, it, v))
		if (convert(r, s, it, v)) /* else it is absent after its converters, the next of a
					     list may not be */
			return true;
	return false;
}

bool rule_next(struct rule_run *r, uint32_t row, struct occurrence *it, struct val *v)
{
	const struct ws_subject *s = &site.ws->subjects[row];

	if (s->flags & WS_SUBJ_COUNT) {
		int64_t n = 0;

		if (it->more)
			return false;
		while (next_value(r, row, s, it, v))
			n++;
		it->more = true;
		v->num = n;
		return true;
	}
	if (!next_value(r, row, s, it, v))
		return false;
	if (s->flags & WS_SUBJ_LEN)
		v->num = (int64_t)v->s.n;
	return true;
}

/* -- chains -------------------------------------------------------------------------------------
 */

static bool is_response(enum ws_dir dir)
{
	return dir == WS_RSP_IN || dir == WS_RSP_OUT;
}

static uint32_t entered_slot(struct exchange *x, uint32_t target)
{
	for (uint32_t i = 0; i < x->nentered; i++)
		if (x->entered[i] == target)
			return i;
	if (x->nentered == X_ENTERED_MAX)
		return X_ENTERED_MAX;
	x->entered[x->nentered] = target;
	return x->nentered++;
}

/* The deciding rule, for the log. */
static void note_where(struct rule_run *r)
{
	if (r->x)
		r->x->rule_where = r->rule->where;
}

/* switch in a response: those rules run in place, once per direction, and come back (language.md
 * 5). */
static enum rule_end enter(struct rule_run *r)
{
	struct exchange *x = r->x;
	uint32_t slot = entered_slot(x, r->target);
	uint32_t *ran = r->dir == WS_RSP_IN ? &x->ran_in : &x->ran_out;
	const struct ws_rule *rule = r->rule;
	const struct ws_section *back = r->section;
	enum rule_end end;

	if (slot == X_ENTERED_MAX) {
		note_where(r);
		return RULES_FAIL;
	}
	if (*ran & (1u << slot))
		return RULES_DONE;
	*ran |= 1u << slot;
	end = rules_run(r, section_row(r->target), r->dir);
	r->rule = end == RULES_DONE ? rule : r->rule;
	r->section = back;
	return end;
}

/* Runs the actions of a rule from <i> on: a jump is made when the chain is done. */
static enum rule_end run_actions(struct rule_run *r, uint32_t i, bool *ends)
{
	const struct ws_run run = r->rule->actions;

	for (; i < run.n; i++) {
		const struct ws_action *a = &site.ws->action_rows[run.first + i];

		switch (site.ws->actions[a->fn]->run(r, a)) {
		case ACT_NEXT:
			break;
		case ACT_ENDS:
			*ends = r->ends = true;
			break;
		case ACT_SWITCH:
			r->jump = true;
			break;
		case ACT_ANSWER:
			return RULES_ANSWER;
		case ACT_DROP:
			note_where(r);
			return RULES_DROP;
		case ACT_FAIL:
			note_where(r);
			return RULES_FAIL;
		}
	}
	if (!r->jump)
		return RULES_DONE;
	if (is_response(r->dir))
		return enter(r);
	*ends = true;
	return RULES_SWITCH;
}

static enum rule_end limit_reached(struct rule_run *r)
{
	r->limit = false;
	r->answer = (struct rule_answer) {
		.status = (uint16_t)site.nums[site.ws->site_nums + WS_ON_LIMIT]
	};
	return RULES_ANSWER;
}

/* Tests the rule at position <at>, unless it is known that it <holds>, and runs its actions.
 * *<ran>: they ran; *<ends>: the chain is over. */
static enum rule_end run_rule(struct rule_run *r, uint32_t at, bool holds, bool *ran, bool *ends)
{
	enum rule_end end;

	r->rule = &site.ws->rules[site.ws->chain[at]];
	r->ends = r->jump = false;
	pt()->scratch_used = 0;
	*ran = holds || rule_cond(r, r->rule->cond);
	if (*ran && site.ws->count)
		site.ws->count->rule(r->rule);
	end = *ran ? run_actions(r, 0, ends) : RULES_DONE;
	return r->limit ? limit_reached(r) : end;
}

/* The same as rules_run, from one rule that can match to the next. */
static enum rule_end run_decided(struct rule_run *r, const struct ws_section *ws,
				 const struct ws_decide *d)
{
	const struct ws_run chain = ws->chains[r->dir];
	const struct decide_part *part = site.ws->decide;
	bool ends = false, holds, ran;

	part->begin(d);
	for (uint32_t i = 0; (i = part->next(r, d, i, &holds)) < chain.n; i++) {
		enum rule_end end = run_rule(r, chain.first + i, holds, &ran, &ends);

		if (end != RULES_DONE || ends)
			return end;
		if (ran)
			part->changed(d, i);
	}
	return RULES_DONE;
}

static __attribute__((noinline)) enum rule_end
run_chain(struct rule_run *r, const struct ws_section *ws, enum ws_dir dir)
{
	const struct ws_run chain = ws->chains[dir];
	bool ends = false, ran;

	if (ws->decides[dir])
		return run_decided(r, ws, &site.ws->decides[ws->decides[dir] - 1]);
	for (uint32_t i = 0; i < chain.n; i++) {
		enum rule_end end = run_rule(r, chain.first + i, false, &ran, &ends);

		if (end != RULES_DONE || ends)
			return end;
	}
	return RULES_DONE;
}

enum rule_end rules_run(struct rule_run *r, const struct ws_section *ws, enum ws_dir dir)
{
	r->section = ws;
	r->dir = dir;
	return ws->chains[dir].n ? run_chain(r, ws, dir) : RULES_DONE;
}

enum rule_end rules_resume(struct rule_run *r, const struct ws_action *a)
{
	const struct ws_run chain = r->section->chains[r->dir];
	uint32_t done = (uint32_t)(a - site.ws->action_rows) - r->rule->actions.first;
	const struct ws_rule *at = r->rule;
	bool ends = r->ends, ran;
	enum rule_end end = run_actions(r, done + 1, &ends);
	uint32_t i = 0;

	if (r->limit)
		end = limit_reached(r);
	while (i < chain.n && &site.ws->rules[site.ws->chain[chain.first + i]] != at)
		i++;
	for (i++; end == RULES_DONE && !ends && i < chain.n; i++)
		end = run_rule(r, chain.first + i, false, &ran, &ends);
	return end;
}

/* -- maps ----------------------------------------------------------------------------------------
 */

static size_t key_size(const struct ws_value *key)
{
	return 1 + (key->kind == WS_V_NET   ? site.ws->nets[key->index].bits
		    : key->kind == WS_V_STR ? (size_t)key->hi
					    : 0);
}

/* Among the keys that hold: the one rule_map asks for. */
static bool best_key(const struct ws_map *m, const struct scan_set *found, uint32_t *row)
{
	size_t best = 0;

	for (uint32_t i = 0; i < found->n; i++) {
		uint32_t k = found->list[i];
		size_t size = key_size(&site.ws->values[m->keys.first + k]);

		if (size > best || (size == best && k < *row)) {
			best = size;
			*row = k;
		}
	}
	return best != 0;
}

static bool fixed_map(struct rule_run *r, const struct ws_map *m, const struct val *v,
		      uint32_t *row)
{
	static const struct ws_subject plain;
	size_t best = 0;

	if (m->scan)
		return best_key(
			m, site.ws->decide->keys(&site.ws->decide_scans[m->scan - 1], &plain, v),
			row);

	for (uint32_t i = 0; i < m->keys.n; i++) {
		const struct ws_value *key = &site.ws->values[m->keys.first + i];
		size_t size = key_size(key);

		if (size <= best || !rule_match(r, &plain, (uint8_t)m->op, key, v))
			continue;
		best = size;
		*row = i;
		if (m->op == WS_OP_RE)
			break;
	}
	return best != 0;
}

bool rule_map(struct rule_run *r, const struct ws_map *m, const struct val *v, uint32_t *section,
	      struct str *text)
{
	struct ws_ref to;
	uint32_t row = 0;

	if (m->dynamic)
		return site.ws->dynamic->map(r, m, v, section, text);
	if (!fixed_map(r, m, v, &row))
		return false;
	to = site.ws->map_vals[m->vals + row];
	if (section)
		*section = to.off;
	else
		*text = ws_str(to);
	return true;
}
