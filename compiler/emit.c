/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <stdlib.h>

#include "emit_part.h"

#define POLLER_WORD_URING 2 /* of the words in option.c */

const char *const emit_part_names[EMIT_PARTS] = {
	[PART_POLLER_EPOLL] = "poller_epoll",
	[PART_POLLER_URING] = "poller_uring",
	[PART_MUX_H1] = "mux_h1",
	[PART_MUX_TCP] = "mux_tcp",
	[PART_MUX_H2] = "mux_h2",
	[PART_SHARING] = "sharing_h2",
	[PART_REGEX_PCRE2] = "regex_pcre2",
	[PART_REGEX_DFA] = "regex_dfa",
	[PART_REGEX_BOTH] = "regex_both",
	[PART_BALANCE_ROUNDROBIN] = "balance_roundrobin",
	[PART_BALANCE_LEASTCONN] = "balance_leastconn",
	[PART_BALANCE_HASH] = "balance_hash",
	[PART_BALANCE_RANDOM] = "balance_random",
	[PART_BALANCE_FIRST] = "balance_first",
	[PART_QUEUE] = "queue_places",
	[PART_CHECK] = "check_servers",
	[PART_COOKIE] = "cookie_stick",
	[PART_COUNT] = "count_all",
	[PART_CONTROL] = "control_socket",
	[PART_PAGE_STATS] = "page_stats",
	[PART_PAGE_METRICS] = "page_metrics",
	[PART_PREREAD_HELLO] = "preread_hello",
	[PART_TARGET] = "target_dynamic",
	[PART_DECIDE_INDEX] = "decide_index",
	[PART_DYNAMIC] = "dynamic_tables",
	[PART_TLS] = "tls_openssl",
	[PART_LOG_HTTP] = "log_http",
	[PART_LOG_JSON] = "log_json",
	[PART_CHECKPOINT] = "checkpoint_all",
	[PART_HS_ACCEPT_PROXY] = "hs_accept_proxy",
	[PART_HS_MONITOR] = "hs_monitor",
	[PART_HS_CONN_IN] = "hs_conn_in",
	[PART_HS_SEND_PROXY_V1] = "hs_send_proxy_v1",
	[PART_HS_SEND_PROXY_V2] = "hs_send_proxy_v2",
};
const char *const emit_action_names[ACTIONS] = {
#define ACTION(id, ...) "action_" #id,
#include "../grammar/action.def"
};
const char *const emit_conv_names[CONVERTERS] = {
#define CONVERTER(id, ...) "conv_" #id,
#include "../grammar/converter.def"
};
const char *const emit_subject_names[SUBJECTS] = {
#define SUBJECT(id, ...) "subject_" #id,
#include "../grammar/subject.def"
};

static uint32_t *no_rows(struct arena *a, uint32_t n)
{
	uint32_t *rows = ARENA_ARRAY(a, uint32_t, n + 1);

	memset(rows, 0xff, (n + 1) * sizeof(*rows));
	return rows;
}

static int by_name(const void *a, const void *b)
{
	const struct p_section *const *x = a, *const *y = b;
	int order = str_cmp((*x)->name, (*y)->name);

	return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static void sort_sections(struct emit *e)
{
	e->named = ARENA_ARRAY(e->arena, const struct p_section *, e->p->nsections + 1);
	for (uint32_t i = 0; i < e->p->nsections; i++)
		if (e->p->sections[i]->kind != SEC_CHECKPOINT)
			e->named[e->nnamed++] = e->p->sections[i];
	qsort(e->named, e->nnamed, sizeof(*e->named), by_name);
}

static void prepare(struct emit *e, struct arena *a, const struct program *p)
{
	static const size_t sizes[] = {
#define TABLE(id, field, type) sizeof(type),
		EMIT_TABLES(TABLE)
#undef TABLE
	};

	memset(e, 0, sizeof(*e));
	e->arena = a;
	e->p = p;
	for (int i = 0; i < EMIT_NTABLES; i++)
		table_init(&e->tables[i], a, sizes[i]);
	memset(e->action_fn, 0xff, sizeof(e->action_fn));
	memset(e->conv_fn, 0xff, sizeof(e->conv_fn));
	e->subject_rows = no_rows(a, p->nsubjects);
	e->regex_rows = no_rows(a, p->nregexes);
	e->map_rows = no_rows(a, p->nmaps);
	sort_sections(e);
	e->parts[PART_POLLER_EPOLL] = true;
	e->parts[PART_POLLER_URING] = p->globals[OPT_POLLER].num == POLLER_WORD_URING;
}

/* Names by number: params, captures, files. */
static void names(struct emit *e)
{
	const struct program *p = e->p;
	struct ws_ref ref;

	for (uint32_t i = 0; i < p->nparams; i++) {
		struct ws_param row = { .name = emit_ref(e, p->params[i]->name),
					.def = emit_ref(e, p->params[i]->def) };

		row.has_default = p->params[i]->has_default;
		row.where = emit_place(e, p->params[i]->place);
		emit_add(e, EMIT_PARAMS, &row, 1);
	}
	for (uint32_t i = 0; i < p->ncaptures; i++) {
		ref = emit_ref(e, p->captures[i]);
		emit_add(e, EMIT_CAPTURES, &ref, 1);
	}
	for (uint32_t i = 0; i < p->nfiles; i++) {
		ref = emit_ref(e, p->files[i]);
		emit_add(e, EMIT_FILES, &ref, 1);
	}
}

bool emit_build(struct emit *e, struct arena *a, const struct program *p)
{
	prepare(e, a, p);
	names(e);
	emit_rules(e);
	emit_sections(e);
	return !e->bad;
}
