/* SPDX-License-Identifier: Apache-2.0 */
/* respond metrics: the counters in the text form that Prometheus reads (version 0.0.4). One family
 * after the other, one row for each front side, back side, server, rule or pool. */
#include <inttypes.h>

#include "../core/buf.h"
#include "../core/pool.h"
#include "check.h"
#include "checkpoint.h"
#include "count.h"
#include "queue.h"
#include "rule.h"

#define LABEL_MAX 200 /* bytes of a label's value; longer ones are cut */
#define POOLS_SHOWN 64

/* Rows of a family: one for each of these. */
enum of { OF_SITE, OF_FRONT, OF_BACK, OF_SERVER, OF_RULE, OF_POOL, OF_CHECKPOINT };

static const char *const kinds[] = { "frontend", "backend", "server" };

struct family {
	enum of of;
	const char *name, *type, *help;
	const char *label; /* of the variants, or NULL */
	const char *const *variants; /* NULL: one row, without that label */
	unsigned nvariants;
	uint64_t (*value)(const struct page_at *at);
};

static const char *const classes[COUNT_CLASSES] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
static const char *const fails[FAILS] = {
#define FAILED(id, name, doc) name,
	FAIL_LIST(FAILED)
#undef FAILED
};
static const char *const states[] = { "in_use", "free" };
static const char *const turns[] = {
#define COUNT(member, name, doc) name,
	CHECKPOINT_COUNTS(COUNT)
#undef COUNT
};

/* -- values -------------------------------------------------------------------------------------
 */

static struct side_sum sum_of(enum of of, const struct page_at *at)
{
	return of == OF_FRONT  ? count_front(at->i)
	       : of == OF_BACK ? count_back(at->i)
			       : count_server(at->i, at->j);
}

#define COUNTED(member, ...)                                                                       \
	static uint64_t front_##member(const struct page_at *at)                                   \
	{                                                                                          \
		return sum_of(OF_FRONT, at).member;                                                \
	}                                                                                          \
	static uint64_t back_##member(const struct page_at *at)                                    \
	{                                                                                          \
		return sum_of(OF_BACK, at).member;                                                 \
	}                                                                                          \
	static uint64_t server_##member(const struct page_at *at)                                  \
	{                                                                                          \
		return sum_of(OF_SERVER, at).member;                                               \
	}
COUNT_LIST(COUNTED)
#undef COUNTED

static uint64_t front_class(const struct page_at *at)
{
	return sum_of(OF_FRONT, at).classes[at->variant];
}

static uint64_t back_class(const struct page_at *at)
{
	return sum_of(OF_BACK, at).classes[at->variant];
}

static uint64_t server_class(const struct page_at *at)
{
	return sum_of(OF_SERVER, at).classes[at->variant];
}

static uint64_t front_fail(const struct page_at *at)
{
	return sum_of(OF_FRONT, at).fails[at->variant];
}

static uint64_t back_fail(const struct page_at *at)
{
	return sum_of(OF_BACK, at).fails[at->variant];
}

static uint64_t server_fail(const struct page_at *at)
{
	return sum_of(OF_SERVER, at).fails[at->variant];
}

static uint64_t front_conns(const struct page_at *at)
{
	return atomic_load_explicit(&site.fronts[at->i]->limit.cur, memory_order_relaxed);
}

static uint64_t front_accepted(const struct page_at *at)
{
	return count_accepted(site.fronts[at->i]);
}

static uint64_t back_now(const struct page_at *at)
{
	return count_back_now(at->i);
}

static uint64_t back_queue_now(const struct page_at *at)
{
	return queue_length(site.backs[at->i]);
}

static uint64_t server_now(const struct page_at *at)
{
	return count_server_now(&site.backs[at->i]->servers[at->j]);
}

static uint64_t server_up(const struct page_at *at)
{
	return !atomic_load_explicit(&site.backs[at->i]->servers[at->j].off, memory_order_relaxed);
}

/* A number of what checks have given; 0 of servers that are not checked. */
#define HEALTH(member)                                                                             \
	static uint64_t server_##member(const struct page_at *at)                                  \
	{                                                                                          \
		const struct server_health *h = site.backs[at->i]->servers[at->j].health;          \
                                                                                                   \
		return h ? atomic_load_explicit(&h->member, memory_order_relaxed) : 0;             \
	}
HEALTH(ms)
HEALTH(checks)
HEALTH(failures)
HEALTH(changes)
#undef HEALTH

static uint64_t buffer_waits(const struct page_at *at)
{
	struct buf_count c;

	(void)at;
	buf_counts(&c);
	return c.waits;
}

static uint64_t rule_hits(const struct page_at *at)
{
	return count_hits(at->i);
}

static uint64_t site_conns(const struct page_at *at)
{
	(void)at;
	return atomic_load_explicit(&listener_process.cur, memory_order_relaxed);
}

static uint64_t site_threads(const struct page_at *at)
{
	(void)at;
	return nthreads;
}

static uint64_t site_copies(const struct page_at *at)
{
	struct mux_copies c = mux_copies();

	(void)at;
	return c.times;
}

static uint64_t site_copied(const struct page_at *at)
{
	struct mux_copies c = mux_copies();

	(void)at;
	return c.bytes;
}

static uint64_t site_spliced(const struct page_at *at)
{
	struct mux_copies c = mux_copies();

	(void)at;
	return c.spliced;
}

static uint64_t buffers(const struct page_at *at)
{
	struct buf_count c;

	buf_counts(&c);
	return at->variant ? c.cached : c.in_use;
}

static uint64_t pool_objects(const struct page_at *at)
{
	struct pool_count rows[POOLS_SHOWN];
	unsigned n = pool_counts(rows, POOLS_SHOWN);

	if (at->i >= n)
		return 0;
	return at->variant ? rows[at->i].cached + rows[at->i].shared : rows[at->i].in_use;
}

static struct checkpoint_shown shown(const struct page_at *at)
{
	struct checkpoint_shown s = { 0 };

	site.ws->checkpoint->show(at->i, &s);
	return s;
}

static uint64_t checkpoint_counts(const struct page_at *at)
{
	struct checkpoint_shown s = shown(at);
	const uint64_t counts[] = {
#define COUNT(member, ...) s.member,
		CHECKPOINT_COUNTS(COUNT)
#undef COUNT
	};

	return counts[at->variant];
}

static uint64_t checkpoint_waiting(const struct page_at *at)
{
	return shown(at).waiting;
}

static uint64_t checkpoint_held(const struct page_at *at)
{
	return shown(at).held;
}

static uint64_t checkpoint_keys(const struct page_at *at)
{
	return shown(at).keys;
}

#define PLAIN NULL, NULL, 0
#define CLASSES "code", classes, COUNT_CLASSES
#define KINDS "kind", fails, FAILS
#define STATES "state", states, 2
#define SIDE(of, prefix, name)                                                                     \
	{ of,        "weir_" name "_responses_total",                                              \
	  "counter", "answers by class of status",                                                 \
	  CLASSES,   prefix##_class },                                                             \
		{ of,        "weir_" name "_errors_total",                                         \
		  "counter", "what failed, by kind",                                               \
		  KINDS,     prefix##_fail },

static const struct family families[] = {
	{ OF_SITE, "weir_connections", "gauge", "client connections", PLAIN, site_conns },
	{ OF_SITE, "weir_threads", "gauge", "threads", PLAIN, site_threads },
	{ OF_SITE, "weir_copies_total", "counter", "pieces of bodies copied, not handed on", PLAIN,
	  site_copies },
	{ OF_SITE, "weir_copied_bytes_total", "counter", "bytes of these", PLAIN, site_copied },
	{ OF_SITE, "weir_spliced_bytes_total", "counter", "bytes passed inside the kernel", PLAIN,
	  site_spliced },
	{ OF_SITE, "weir_buffers", "gauge", "buffers of 16 kB", STATES, buffers },
	{ OF_SITE, "weir_buffer_waits_total", "counter", "waits for a buffer, at limit buffers",
	  PLAIN, buffer_waits },
	{ OF_POOL, "weir_pool_objects", "gauge", "objects of a pool", STATES, pool_objects },
	{ OF_FRONT, "weir_frontend_connections", "gauge", "client connections", PLAIN,
	  front_conns },
	{ OF_FRONT, "weir_frontend_connections_total", "counter", "connections accepted", PLAIN,
	  front_accepted },
#define COUNTED(member, name, doc)                                                                 \
	{ OF_FRONT, "weir_frontend_" name "_total", "counter", doc, PLAIN, front_##member },
	COUNT_LIST(COUNTED)
#undef COUNTED
		SIDE(OF_FRONT, front, "frontend") { OF_BACK, "weir_backend_requests", "gauge",
						    "requests at present", PLAIN, back_now },
	{ OF_BACK, "weir_backend_queue", "gauge", "requests that wait for a place on a server",
	  PLAIN, back_queue_now },
#define COUNTED(member, name, doc)                                                                 \
	{ OF_BACK, "weir_backend_" name "_total", "counter", doc, PLAIN, back_##member },
	COUNT_LIST(COUNTED)
#undef COUNTED
		SIDE(OF_BACK, back, "backend") { OF_SERVER, "weir_server_requests", "gauge",
						 "requests at present", PLAIN, server_now },
#define COUNTED(member, name, doc)                                                                 \
	{ OF_SERVER, "weir_server_" name "_total", "counter", doc, PLAIN, server_##member },
	COUNT_LIST(COUNTED)
#undef COUNTED
		{ OF_SERVER, "weir_server_up", "gauge", "1: takes requests, 0: down or disabled",
		  PLAIN, server_up },
	{ OF_SERVER, "weir_server_check_ms", "gauge", "duration of the last health check", PLAIN,
	  server_ms },
	{ OF_SERVER, "weir_server_checks_total", "counter", "health checks", PLAIN, server_checks },
	{ OF_SERVER, "weir_server_check_failures_total", "counter", "health checks that were bad",
	  PLAIN, server_failures },
	{ OF_SERVER, "weir_server_changes_total", "counter", "changes between up and down", PLAIN,
	  server_changes },
	SIDE(OF_SERVER, server, "server") { OF_RULE, "weir_rule_runs_total", "counter",
					    "how often a rule's actions have run", PLAIN,
					    rule_hits },
	{ OF_CHECKPOINT, "weir_checkpoint_messages_total", "counter",
	  "what has happened in a checkpoint, by result", "result", turns,
	  sizeof(turns) / sizeof(*turns), checkpoint_counts },
	{ OF_CHECKPOINT, "weir_checkpoint_waiting", "gauge", "messages that wait for their turn",
	  PLAIN, checkpoint_waiting },
	{ OF_CHECKPOINT, "weir_checkpoint_held", "gauge", "messages counted until they end", PLAIN,
	  checkpoint_held },
	{ OF_CHECKPOINT, "weir_checkpoint_keys", "gauge", "keys that are known", PLAIN,
	  checkpoint_keys },
};
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

/* -- rows ---------------------------------------------------------------------------------------
 */

struct row {
	char *p;
	size_t n, room;
};

static void put(struct row *r, const char *s, size_t n)
{
	n = n < r->room - r->n ? n : r->room - r->n;
	memcpy(r->p + r->n, s, n);
	r->n += n;
}

static void put_z(struct row *r, const char *s)
{
	put(r, s, strlen(s));
}

/* In a label's value a backslash, a quote and the end of a line are written with a backslash. */
static void put_label(struct row *r, const char *name, struct str value)
{
	put_z(r, r->p[r->n - 1] == '{' ? "" : ",");
	put_z(r, name);
	put_z(r, "=\"");
	for (size_t i = 0; i < value.n && i < LABEL_MAX; i++) {
		char c = value.p[i];

		if (c == '\n')
			put_z(r, "\\n");
		else if (c == '"' || c == '\\')
			put(r, (char[2]) { '\\', c }, 2);
		else
			put(r, &c, 1);
	}
	put_z(r, "\"");
}

static void put_number(struct row *r, const char *before, uint64_t n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%s%" PRIu64, before, n);

	put(r, text, (size_t)len);
}

static void rule_labels(struct row *r, uint32_t rule)
{
	const struct ws_place *p = &site.ws->places[site.ws->rules[rule].where];
	char line[16];
	int n = snprintf(line, sizeof(line), "%u", p->line);

	put_label(r, "file", ws_str(site.ws->files[p->file]));
	put_label(r, "line", str_of(line, (size_t)n));
	n = snprintf(line, sizeof(line), "%u", rule);
	put_label(r, "rule", str_of(line, (size_t)n));
}

static void labels(struct row *r, const struct family *f, const struct page_at *at)
{
	struct pool_count pools[POOLS_SHOWN];

	put_z(r, "{");
	if (f->of == OF_FRONT || f->of == OF_BACK)
		put_label(r, kinds[f->of - OF_FRONT], ws_str(site.ws->sections[at->i].name));
	if (f->of == OF_SERVER) {
		put_label(r, "backend", site.backs[at->i]->name);
		put_label(r, "server", site.backs[at->i]->servers[at->j].name);
	}
	if (f->of == OF_RULE)
		rule_labels(r, at->i);
	if (f->of == OF_POOL && at->i < pool_counts(pools, POOLS_SHOWN))
		put_label(r, "pool", str_from(pools[at->i].name));
	if (f->of == OF_CHECKPOINT)
		put_label(r, "checkpoint", ws_str(site.ws->checkpoints[at->i].name));
	if (f->variants)
		put_label(r, f->label, str_from(f->variants[at->variant]));
	if (r->p[r->n - 1] == '{')
		r->n--;
	else
		put_z(r, "}");
}

static void put_head(struct row *r, const struct family *f)
{
	put_z(r, "# HELP ");
	put_z(r, f->name);
	put_z(r, " ");
	put_z(r, f->help);
	put_z(r, "\n# TYPE ");
	put_z(r, f->name);
	put_z(r, " ");
	put_z(r, f->type);
	put_z(r, "\n");
}

/* -- the walk -----------------------------------------------------------------------------------
 */

/* The row that <at> names is there. */
static bool present(enum of of, const struct page_at *at)
{
	switch (of) {
	case OF_FRONT:
		return site.fronts[at->i] != NULL;
	case OF_BACK:
		return site.backs[at->i] != NULL;
	case OF_SERVER:
		return site.backs[at->i] && site.backs[at->i]->owner == site.backs[at->i] &&
		       at->j < site.backs[at->i]->nservers;
	default:
		return true;
	}
}

static uint32_t rows_of(enum of of)
{
	struct pool_count pools[POOLS_SHOWN];
	unsigned n;

	switch (of) {
	case OF_SITE:
		return 1;
	case OF_RULE:
		return site.ws->nrules;
	case OF_CHECKPOINT:
		return site.ws->ncheckpoints;
	case OF_POOL:
		n = pool_counts(pools, POOLS_SHOWN);
		return n < POOLS_SHOWN ? n : POOLS_SHOWN;
	default:
		return site.ws->nsections;
	}
}

/* From one row of a family to the next: variants, servers, sections. */
static void step(struct page_at *at, const struct family *f)
{
	if (present(f->of, at) && ++at->variant < f->nvariants)
		return;
	at->variant = 0;
	if (f->of == OF_SERVER && present(f->of, at)) {
		at->j++;
		if (present(f->of, at))
			return;
	}
	at->j = 0;
	at->i++;
}

static size_t fill(struct page_at *at, char *out, size_t room)
{
	struct row r = { .p = out, .room = room };

	while (at->family < NFAMILIES && r.room - r.n >= PAGE_ROW_MAX) {
		const struct family *f = &families[at->family];

		if (at->i >= rows_of(f->of)) {
			*at = (struct page_at) { .family = (uint16_t)(at->family + 1) };
			continue;
		}
		if (!at->i && !at->j && !at->variant)
			put_head(&r, f);
		if (present(f->of, at)) {
			put_z(&r, f->name);
			labels(&r, f, at);
			put_number(&r, " ", f->value(at));
			put_z(&r, "\n");
		}
		step(at, f);
	}
	return r.n;
}

const struct page_part page_metrics = { "metrics",
					{ "text/plain; version=0.0.4; charset=utf-8", 40 },
					fill };
