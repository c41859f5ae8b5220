/* SPDX-License-Identifier: Apache-2.0 */
/* Written texts, values as text, and values kept with the exchange. */
#include <inttypes.h>
#include <stdio.h>

#include "../core/pool.h"
#include "rule.h"

/* -- texts --------------------------------------------------------------------------------------
 */

/* Grows a text in the scratch by <more>. Where the scratch was used since, also by a subject that
 * gave nothing, the text begins anew behind that. */
static bool put(struct str *out, struct str more)
{
	char *at = rule_scratch(0);

	if (at != out->p + out->n) {
		at = rule_scratch(out->n);
		if (!at)
			return false;
		if (out->n)
			memcpy(at, out->p, out->n);
		out->p = at;
	}
	at = rule_scratch(more.n);
	if (!at)
		return false;
	if (more.n)
		memmove(at, more.p, more.n);
	out->n += more.n;
	return true;
}

bool rule_val_text(struct rule_run *r, const struct ws_subject *s, const struct val *v,
		   struct str *out)
{
	char *at;
	int n;

	(void)r;
	*out = v->s;
	if (s->type == WS_STR && !(s->flags & WS_SUBJ_LEN))
		return true;
	at = rule_scratch(ADDR_TEXT);
	if (!at)
		return false;
	n = s->type == WS_ADDR ? (int)addr_format_ip(&v->ip, at)
			       : snprintf(at, ADDR_TEXT, "%" PRId64, v->num);
	*out = str_of(at, (size_t)n);
	return true;
}

/* Occurrences joined by ", ". */
static bool put_subject(struct rule_run *r, uint32_t row, struct str *out)
{
	const struct ws_subject *s = &site.ws->subjects[row];
	struct occurrence it = { 0 };
	struct val v;
	bool first = true;

	while (rule_next(r, row, &it, &v)) {
		struct str text;

		if (!rule_val_text(r, s, &v, &text))
			return false;
		if ((!first && !put(out, S(", "))) || !put(out, text))
			return false;
		first = false;
	}
	return true;
}

static bool put_piece(struct rule_run *r, const struct ws_piece *p, struct str *out)
{
	switch (p->kind) {
	case WS_P_LITERAL:
		return put(out, ws_str(p->text));
	case WS_P_PARAM:
		return put(out, site.params[p->index]);
	case WS_P_BACKREF:
		return put(out, r->groups[p->index]);
	default:
		return put_subject(r, p->index, out);
	}
}

/* A value can never smuggle CR, LF or NUL into a message (language.md 5): each becomes a blank. */
static void blank_controls(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\r' || p[i] == '\n' || p[i] == '\0')
			p[i] = ' ';
}

bool rule_text(struct rule_run *r, uint32_t text, struct str *out)
{
	const struct ws_run run = site.ws->texts[text].pieces;

	if (run.n == 1 && site.ws->pieces[run.first].kind == WS_P_LITERAL) {
		*out = ws_str(site.ws->pieces[run.first].text);
		return true;
	}
	*out = str_of(rule_scratch(0), 0);
	for (uint32_t i = 0; i < run.n; i++) {
		const struct ws_piece *p = &site.ws->pieces[run.first + i];
		size_t before = out->n;

		if (!put_piece(r, p, out))
			return false;
		if (p->kind != WS_P_LITERAL)
			blank_controls(pt()->scratch + (out->p - pt()->scratch) + before,
				       out->n - before);
	}
	return true;
}

bool rule_subject_text(struct rule_run *r, uint32_t subject, struct str *out)
{
	*out = str_of(rule_scratch(0), 0);
	return put_subject(r, subject, out);
}

struct str rule_target(const struct msg *m)
{
	struct str parts[4], out;
	unsigned n;

	if (!(m->flags & MSG_PATH_EDITED))
		return msg_str(m, m->uri);
	n = msg_target(m, parts);
	if (n == 1)
		return parts[0];
	out = str_of(rule_scratch(0), 0);
	for (unsigned i = 0; i < n; i++)
		if (!put(&out, parts[i]))
			return (struct str) { 0 };
	return out;
}

struct str rule_line(struct rule_run *r, const struct msg *m)
{
	struct str a = msg_str(m, m->meth), target,
		   reason = m->reason.len ? msg_str(m, m->reason) : status_reason(m->status);
	const char *version = m->version == 10 ? "1.0" : m->version == 20 ? "2.0" : "1.1";
	size_t room;
	char *at;

	(void)r;
	target = m->flags & MSG_RESPONSE ? reason : rule_target(m);
	room = a.n + target.n + 32;
	at = rule_scratch(room);
	if (!at)
		return (struct str) { 0 };
	if (m->flags & MSG_RESPONSE)
		return str_of(at, (size_t)snprintf(at, room, "HTTP/%s %u %.*s", version, m->status,
						   STR_ARG(target)));
	return str_of(at, (size_t)snprintf(at, room, "%.*s %.*s HTTP/%s", STR_ARG(a),
					   STR_ARG(target), version));
}

bool rule_value_safe(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

/* -- captures and variables -----------------------------------------------------------------------
 */

static const uint32_t class_size[] = { 64, 256, 1024, VALUE_MAX };
#define CLASSES (sizeof(class_size) / sizeof(class_size[0]))

static struct pool value_pools[CLASSES];
static struct pool capture_pool, var_pool;

void rule_init(void)
{
	static const char *const names[CLASSES] = { "value 64", "value 256", "value 1k",
						    "value 8k" };

	for (size_t i = 0; i < CLASSES; i++)
		pool_init(&value_pools[i], names[i], class_size[i]);
	pool_init(&capture_pool, "captures", (site.ws->ncaptures + 1) * sizeof(struct x_value));
	pool_init(&var_pool, "variables", (site.ws->nvars + 1) * sizeof(struct x_value));
}

static bool set_value(struct x_value *v, struct str value)
{
	uint32_t class = 0;

	while (class_size[class] < value.n)
		class ++;
	if (!v->p || v->class != class) {
		char *p = pool_get(&value_pools[class]);

		if (!p)
			return false;
		if (v->p)
			pool_put(&value_pools[v->class], v->p);
		v->p = p;
		v->class = class;
	}
	if (value.n)
		memmove(v->p, value.p, value.n);
	v->n = (uint32_t)value.n;
	return true;
}

static bool keep(struct x_value **slots, struct pool *pool, uint32_t i, struct str value,
		 size_t max)
{
	if (!*slots)
		*slots = pool_get_zero(pool);
	return *slots && set_value(&(*slots)[i], str_first(value, max));
}

bool rule_capture(struct exchange *x, uint32_t i, struct str value, size_t max)
{
	return keep(&x->captures, &capture_pool, i, value, max < VALUE_MAX ? max : VALUE_MAX);
}

bool rule_set_var(struct x_value **vars, uint32_t i, struct str value)
{
	return keep(vars, &var_pool, i, value, VALUE_MAX);
}

struct str rule_kept(const struct x_value *slots, uint32_t i)
{
	return slots ? str_of(slots[i].p, slots[i].n) : (struct str) { 0 };
}

void rule_forget(struct exchange *x, uint32_t i)
{
	struct x_value *slots = x->captures;

	if (!slots || !slots[i].p)
		return;
	pool_put(&value_pools[slots[i].class], slots[i].p);
	slots[i] = (struct x_value) { 0 };
}

static void release(struct x_value **slots, uint32_t n, struct pool *pool)
{
	for (uint32_t i = 0; *slots && i < n; i++)
		if ((*slots)[i].p)
			pool_put(&value_pools[(*slots)[i].class], (*slots)[i].p);
	pool_put(pool, *slots);
	*slots = NULL;
}

void rule_release_vars(struct x_value **vars)
{
	release(vars, site.ws->nvars, &var_pool);
}

void rule_release_captures(struct x_value **captures)
{
	release(captures, site.ws->ncaptures, &capture_pool);
}

bool rule_copy_vars(struct x_value **to, const struct x_value *from)
{
	for (uint32_t i = 0; from && i < site.ws->nvars; i++)
		if (from[i].p && !rule_set_var(to, i, rule_kept(from, i))) {
			rule_release_vars(to);
			return false;
		}
	return true;
}

void rule_release(struct exchange *x)
{
	rule_release_captures(&x->captures);
	rule_release_vars(&x->vars);
}
