/* SPDX-License-Identifier: Apache-2.0 */
#include "dynamic_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../core/task.h"
#include "../core/thread.h"

#define WAITING_BYTES_MAX ((size_t)64 << 20) /* of old tables, before a change waits for threads */
#define WAIT_NS 1000000
#define WAITS_MAX 2000

struct dynamic_source *dynamic_sources;
uint32_t dynamic_nsources;

/* -- old tables ---------------------------------------------------------------------------------
 */

static struct task *passes; /* one a thread */
static _Atomic unsigned flying; /* threads whose task has not run yet */
static struct dynamic_table *leaving, *waiting; /* <leaving>: freed when none flies */
static size_t waiting_bytes;

void dynamic_entry_free(struct dynamic_entry *e)
{
	if (e && e->regex)
		site.ws->regex->free(e->regex);
	free(e);
}

static void table_free(struct dynamic_table *t)
{
	for (uint32_t i = 0; t->all_gone && i < t->n; i++)
		dynamic_entry_free(t->rows[i].entry);
	dynamic_entry_free(t->gone);
	free(t);
}

static void tables_free(struct dynamic_table **list)
{
	struct dynamic_table *t;

	while ((t = *list)) {
		*list = t->next;
		table_free(t);
	}
}

static void passed(struct task *t)
{
	(void)t;
	atomic_fetch_sub(&flying, 1);
}

/* A thread that runs its task holds no table of before: rules never outlive a task. */
static void fly(void)
{
	leaving = waiting;
	waiting = NULL;
	waiting_bytes = 0;
	atomic_store(&flying, nthreads);
	for (unsigned i = 0; i < nthreads; i++) {
		memset(&passes[i], 0, sizeof(passes[i]));
		passes[i].run = passed;
		passes[i].tid = (uint16_t)i;
		passes[i].class = TASK_URGENT;
		task_wake_remote(&passes[i]);
	}
}

/* Frees what no thread reads any more. */
static void collect(void)
{
	if (atomic_load(&flying))
		return;
	tables_free(&leaving);
	if (!waiting)
		return;
	if (!passes)
		passes = calloc(nthreads, sizeof(*passes));
	if (passes)
		fly();
}

void dynamic_retire(struct dynamic_table *t)
{
	t->next = waiting;
	waiting = t;
	waiting_bytes += sizeof(*t) + t->n * (sizeof(*t->rows) + 2 * sizeof(*t->slots)) +
			 (t->all_gone ? t->bytes : 0);
	collect();
}

bool dynamic_has_room(void)
{
	struct timespec pause = { .tv_nsec = WAIT_NS };

	collect();
	for (unsigned i = 0; waiting_bytes > WAITING_BYTES_MAX && i < WAITS_MAX; i++) {
		nanosleep(&pause, NULL);
		collect();
	}
	return waiting_bytes <= WAITING_BYTES_MAX;
}

/* -- entries ------------------------------------------------------------------------------------
 */

static enum dynamic_kind kind_of(const struct dynamic_source *s)
{
	if (s->type == WS_ADDR)
		return DYNAMIC_NET;
	if (s->type == WS_INT)
		return DYNAMIC_NUMBER;
	return s->op == WS_OP_RE ? DYNAMIC_REGEX : DYNAMIC_TEXT;
}

static bool read_int(struct str s, int64_t *out)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t n;

	if (!str_u64(str_skip(s, minus), INT64_MAX, &n))
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static const char *read_range(struct str s, int64_t *lo, int64_t *hi)
{
	struct str rest = s, first = str_cut(&rest, ':');

	if (!read_int(first, lo) || (rest.p && !read_int(rest, hi)))
		return "a number or FROM:TO is expected";
	if (!rest.p)
		*hi = *lo;
	return *hi < *lo ? "the range's end is below its start" : NULL;
}

/* <flags>: WS_RE_*. */
static const char *read_regex(struct dynamic_entry *e, uint32_t flags)
{
	struct str why;

	e->regex = site.ws->regex->compile(NULL, e->key, flags, &why);
	return e->regex ? NULL : "this regular expression is wrong";
}

static const char *read_key(const struct dynamic_source *s, struct dynamic_entry *e)
{
	e->kind = kind_of(s);
	switch (e->kind) {
	case DYNAMIC_NET:
		return addr_parse_net(e->key, &e->net);
	case DYNAMIC_NUMBER:
		return read_range(e->key, &e->lo, &e->hi);
	case DYNAMIC_REGEX:
		return read_regex(e, s->icase ? WS_RE_ICASE : 0);
	default:
		e->flags = s->icase;
		return NULL;
	}
}

/* Rules were proved with the targets of the map's first entries: no other is taken. */
static bool find_target(const struct dynamic_source *s, struct dynamic_entry *e)
{
	for (uint32_t i = 0; i < s->map->keys.n; i++) {
		uint32_t row = site.ws->map_vals[s->map->vals + i].off;

		if (str_eq(ws_str(site.ws->sections[row].name), e->text)) {
			e->section = row;
			return true;
		}
	}
	return false;
}

const char *dynamic_read_entry(struct dynamic_source *s, struct str key, struct str text)
{
	struct dynamic_entry e = { .key = key, .text = text };
	const char *why;

	if (s->map && s->map->sections && !find_target(s, &e))
		return "no such target: a map that chooses sections takes those of its first "
		       "entries";
	if (!rule_value_safe(key) || !rule_value_safe(text))
		return "CR, LF and NUL are not taken";
	why = read_key(s, &e);
	if (why)
		return why;
	s->entry = dynamic_entry_new(&e);
	if (!s->entry && e.regex)
		site.ws->regex->free(e.regex);
	return s->entry ? NULL : "out of memory";
}

/* -- start --------------------------------------------------------------------------------------
 */

#define SHOWN_MAX 64

static struct str shown_net(const struct ws_net *net, char *out)
{
	struct addr a = { .kind = AK_INET };
	unsigned all;
	size_t n;

	memcpy(a.ip, net->ip, sizeof(a.ip));
	all = addr_is_v4(&a) && net->bits >= 96 ? 96 : 0;
	n = addr_format_ip(&a, out);
	if (net->bits < 128)
		n += (size_t)snprintf(out + n, SHOWN_MAX - n, "/%u", net->bits - all);
	return str_of(out, n);
}

static struct str shown_range(const struct ws_value *v, char *out)
{
	int n = v->lo == v->hi ? snprintf(out, SHOWN_MAX, "%" PRId64, v->lo)
			       : snprintf(out, SHOWN_MAX, "%" PRId64 ":%" PRId64, v->lo, v->hi);

	return str_of(out, (size_t)n);
}

/* The entry of a value that was compiled in. NULL: memory is out, or the regex is wrong. */
static struct dynamic_entry *first_entry(const struct dynamic_source *s, const struct ws_value *v,
					 struct ws_ref to)
{
	struct dynamic_entry e = { .kind = kind_of(s), .flags = v->flags }, *made;
	char shown[SHOWN_MAX];

	if (s->map && s->map->sections) {
		e.section = to.off;
		e.text = ws_str(site.ws->sections[to.off].name);
	} else if (s->map) {
		e.text = ws_str(to);
	}
	e.lo = v->lo;
	e.hi = v->hi;
	if (v->kind == WS_V_NET) {
		memcpy(e.net.ip, site.ws->nets[v->index].ip, sizeof(e.net.ip));
		e.net.bits = site.ws->nets[v->index].bits;
		e.key = shown_net(&site.ws->nets[v->index], shown);
	} else if (v->kind == WS_V_INT) {
		e.key = shown_range(v, shown);
	} else if (v->kind == WS_V_REGEX) {
		e.key = ws_str(site.ws->regexes[v->index].text);
		if (read_regex(&e, site.ws->regexes[v->index].flags))
			return NULL;
	} else {
		e.key = str_of(site.ws->text + v->lo, (size_t)v->hi);
	}
	made = dynamic_entry_new(&e);
	if (!made && e.regex)
		site.ws->regex->free(e.regex);
	return made;
}

static const char *fill(struct dynamic_source *s)
{
	struct dynamic_table *t = dynamic_table_empty(s->values.n);

	atomic_store(&s->table, t);
	if (s->values.n > DYNAMIC_ENTRIES_MAX)
		return "it has more than 100000 entries";
	for (uint32_t i = 0; t && i < s->values.n; i++) {
		struct ws_ref to =
			s->map ? site.ws->map_vals[s->map->vals + i] : (struct ws_ref) { 0 };
		struct dynamic_entry *e = first_entry(s, &site.ws->values[s->values.first + i], to);

		if (!e)
			return "out of memory";
		if (dynamic_table_same(t, e) < t->n)
			dynamic_entry_free(e);
		else
			dynamic_table_put(t, e);
		if (t->bytes > DYNAMIC_BYTES_MAX)
			return "its entries are larger than 64 MB";
	}
	return t ? NULL : "out of memory";
}

static bool load(FILE *err)
{
	uint32_t nsets = site.ws->nsets;
	bool good = true;

	dynamic_nsources = nsets + site.ws->nmaps;
	dynamic_sources = calloc(dynamic_nsources, sizeof(*dynamic_sources));
	for (uint32_t i = 0; dynamic_sources && i < dynamic_nsources; i++) {
		struct dynamic_source *s = &dynamic_sources[i];
		const struct ws_set *set = i < nsets ? &site.ws->sets[i] : NULL;
		const struct ws_map *map = set ? NULL : &site.ws->maps[i - nsets];
		const char *why;

		*s = set ? (struct dynamic_source) { .values = set->values,
						     .op = set->op,
						     .type = set->type,
						     .icase = set->icase }
			 : (struct dynamic_source) { .values = map->keys,
						     .op = (uint8_t)map->op,
						     .type = map->type,
						     .icase = map->icase };
		s->map = map;
		s->name = ws_str(set ? set->name : map->name);
		why = map && !map->dynamic ? NULL : fill(s);
		good = good && !why;
		if (why)
			fprintf(err, "%s %.*s: %s\n", map ? "map" : "set", STR_ARG(s->name), why);
	}
	if (!dynamic_sources)
		fputs("out of memory\n", err);
	return good && dynamic_sources;
}

static void unload(void)
{
	for (uint32_t i = 0; dynamic_sources && i < dynamic_nsources; i++) {
		struct dynamic_table *t = atomic_load(&dynamic_sources[i].table);

		if (!t)
			continue;
		t->all_gone = true;
		table_free(t);
	}
	tables_free(&leaving);
	tables_free(&waiting);
	free(dynamic_sources);
	free(passes);
	dynamic_sources = NULL;
	passes = NULL;
	atomic_store(&flying, 0);
}

/* -- questions of rules -------------------------------------------------------------------------
 */

static bool holds(struct rule_run *r, const struct dynamic_entry *e, const struct ws_subject *s,
		  uint8_t op, const struct val *v)
{
	switch (e->kind) {
	case DYNAMIC_NET:
		return v->ip.kind == AK_INET && addr_in_net(v->ip.ip, &e->net);
	case DYNAMIC_NUMBER:
		return rule_match_int(op, v->num, e->lo, e->hi);
	case DYNAMIC_REGEX:
		return rule_match_regex(r, e->regex, v->s, false);
	default:
		return rule_match_str(s, op, v->s, e->key, e->flags);
	}
}

/* Kinds of tables that one look answers: its row, t->n without one. False: another kind. */
static bool one_look(const struct dynamic_table *t, const struct dynamic_source *s,
		     const struct val *v, uint32_t *row)
{
	if (s->type == WS_ADDR)
		*row = v->ip.kind == AK_INET ? dynamic_table_ip(t, v->ip.ip) : t->n;
	else if (s->type == WS_STR && s->op == WS_OP_EQ)
		*row = dynamic_table_text(t, v->s);
	else
		return false;
	return true;
}

static bool among(struct rule_run *r, const struct ws_test *t, const struct ws_subject *s,
		  const struct val *v)
{
	struct dynamic_source *src = &dynamic_sources[t->set - 1];
	const struct dynamic_table *table = atomic_load(&src->table);
	uint32_t row;

	if (one_look(table, src, v, &row))
		return row < table->n;
	for (uint32_t i = 0; i < table->n && !r->limit; i++)
		if (holds(r, table->rows[i].entry, s, t->op, v))
			return true;
	return false;
}

/* The first expression, else the longest key; t->n: none. */
static uint32_t best_row(struct rule_run *r, const struct dynamic_table *t,
			 const struct dynamic_source *s, const struct val *v)
{
	static const struct ws_subject plain;
	uint32_t best = t->n;

	for (uint32_t i = 0; i < t->n && !r->limit; i++) {
		const struct dynamic_entry *e = t->rows[i].entry;

		if ((best < t->n && e->key.n <= t->rows[best].entry->key.n) ||
		    !holds(r, e, &plain, s->op, v))
			continue;
		best = i;
		if (e->kind != DYNAMIC_TEXT)
			break;
	}
	return best;
}

static bool map(struct rule_run *r, const struct ws_map *m, const struct val *v, uint32_t *section,
		struct str *text)
{
	struct dynamic_source *src =
		&dynamic_sources[site.ws->nsets + (uint32_t)(m - site.ws->maps)];
	const struct dynamic_table *t = atomic_load(&src->table);
	uint32_t row;

	if (!one_look(t, src, v, &row))
		row = best_row(r, t, src, v);
	if (row >= t->n)
		return false;
	if (section)
		*section = t->rows[row].entry->section;
	else
		*text = t->rows[row].entry->text;
	return true;
}

/* -- changes ------------------------------------------------------------------------------------
 */

uint32_t dynamic_next_of(bool is_map, struct str name, uint32_t i)
{
	for (; i < dynamic_nsources; i++)
		if ((dynamic_sources[i].map != NULL) == is_map &&
		    atomic_load(&dynamic_sources[i].table) && str_eq(dynamic_sources[i].name, name))
			break;
	return i;
}

/* s->made: the table without the entry of s->entry's key, or with s->entry. */
static const char *make_table(struct dynamic_source *s, bool add)
{
	struct dynamic_table *t = atomic_load(&s->table);
	uint32_t row = dynamic_table_same(t, s->entry);
	size_t old = row < t->n ? t->rows[row].entry->bytes : 0;

	if (!add && row == t->n)
		return "no such entry";
	if (add && row == t->n && t->n >= DYNAMIC_ENTRIES_MAX)
		return "it has 100000 entries, which is the limit";
	if (add && t->bytes - old + s->entry->bytes > DYNAMIC_BYTES_MAX)
		return "its entries would be larger than 64 MB";
	s->made = dynamic_table_new(t, row, add ? s->entry : NULL);
	if (!s->made)
		return "out of memory";
	t->gone = row < t->n ? t->rows[row].entry : NULL;
	return NULL;
}

static const char *prepare(struct dynamic_source *s, enum dynamic_change change, struct str key,
			   struct str text)
{
	const char *why;

	if (change == DYNAMIC_CLEAR) {
		s->made = dynamic_table_empty(0);
		return s->made ? NULL : "out of memory";
	}
	if (change == DYNAMIC_DELETE && s->map && s->map->sections && s->map->keys.n)
		text = ws_str(site.ws->sections[site.ws->map_vals[s->map->vals].off].name);
	why = dynamic_read_entry(s, key, text);
	return why ? why : make_table(s, change == DYNAMIC_SET);
}

/* All of one name or none: on <why> what was made is given up, else it is published. */
static void settle(struct dynamic_source *s, enum dynamic_change change, const char *why)
{
	struct dynamic_table *t = atomic_load(&s->table);

	if (why || change != DYNAMIC_SET)
		dynamic_entry_free(s->entry);
	s->entry = NULL;
	if (why) {
		free(s->made);
		t->gone = NULL;
	} else {
		t->all_gone = change == DYNAMIC_CLEAR;
		atomic_store(&s->table, s->made);
		dynamic_retire(t);
	}
	s->made = NULL;
}

static const char *change_named(bool is_map, struct str name, enum dynamic_change change,
				struct str key, struct str text)
{
	uint32_t first = dynamic_next_of(is_map, name, 0);
	const char *why = NULL;

	if (first == dynamic_nsources)
		return DYNAMIC_UNKNOWN(is_map);
	if (!dynamic_has_room())
		return "threads still read older tables; try again";
	for (uint32_t i = first; i < dynamic_nsources && !why;
	     i = dynamic_next_of(is_map, name, i + 1))
		why = prepare(&dynamic_sources[i], change, key, text);
	for (uint32_t i = first; i < dynamic_nsources; i = dynamic_next_of(is_map, name, i + 1))
		settle(&dynamic_sources[i], change, why);
	return why;
}

static bool each(bool is_map, struct str name,
		 void (*row)(void *arg, struct str key, struct str text), void *arg)
{
	uint32_t i = dynamic_next_of(is_map, name, 0);
	const struct dynamic_table *t;

	if (i == dynamic_nsources)
		return false;
	t = atomic_load(&dynamic_sources[i].table);
	for (uint32_t k = 0; k < t->n; k++)
		row(arg, t->rows[k].entry->key, t->rows[k].entry->text);
	return true;
}

static bool show(uint32_t want, struct dynamic_shown *out)
{
	static const char *const kinds[] = { [DYNAMIC_TEXT] = "text",
					     [DYNAMIC_NUMBER] = "number",
					     [DYNAMIC_NET] = "address",
					     [DYNAMIC_REGEX] = "regex" };

	for (uint32_t i = 0; i < dynamic_nsources; i++) {
		const struct dynamic_source *s = &dynamic_sources[i];
		const struct dynamic_table *t = atomic_load(&s->table);

		if (!t || dynamic_next_of(s->map != NULL, s->name, 0) != i || want--)
			continue;
		*out = (struct dynamic_shown) { .map = s->map != NULL,
						.name = s->name,
						.kind = kinds[kind_of(s)],
						.entries = t->n,
						.bytes = t->bytes };
		return true;
	}
	return false;
}

const struct dynamic_part dynamic_tables = { .name = "dynamic",
					     .load = load,
					     .free = unload,
					     .among = among,
					     .map = map,
					     .change = change_named,
					     .replace_begin = dynamic_replace_begin,
					     .replace_add = dynamic_replace_add,
					     .replace_end = dynamic_replace_end,
					     .each = each,
					     .show = show };
