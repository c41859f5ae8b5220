/* SPDX-License-Identifier: Apache-2.0 */
/* respond stats: a page for people: front sides, back sides and servers, with what they do now and
 * have done. It needs nothing but itself: no script, nothing loaded from elsewhere. */
#include <inttypes.h>

#include "check.h"
#include "count.h"
#include "queue.h"
#include "rule.h"

#define NAME_MAX_SHOWN 100

enum table { TABLE_HEAD, TABLE_FRONTS, TABLE_BACKS, TABLE_FOOT, TABLES };

struct row {
	char *p;
	size_t n, room;
};

static void put(struct row *r, struct str s)
{
	size_t n = s.n < r->room - r->n ? s.n : r->room - r->n;

	memcpy(r->p + r->n, s.p, n);
	r->n += n;
}

static void put_name(struct row *r, struct str s)
{
	for (size_t i = 0; i < s.n && i < NAME_MAX_SHOWN; i++)
		switch (s.p[i]) {
		case '<':
			put(r, S("&lt;"));
			break;
		case '>':
			put(r, S("&gt;"));
			break;
		case '&':
			put(r, S("&amp;"));
			break;
		case '"':
			put(r, S("&quot;"));
			break;
		default:
			put(r, str_of(s.p + i, 1));
		}
}

static void put_cell(struct row *r, uint64_t n)
{
	char text[48];

	put(r, str_of(text, (size_t)snprintf(text, sizeof(text), "<td>%" PRIu64, n)));
}

/* The cells that every row has. */
static void put_sums(struct row *r, const struct side_sum *s)
{
	put_cell(r, s->requests);
	for (int i = 1; i < COUNT_CLASSES; i++)
		put_cell(r, s->classes[i]);
	for (int i = 0; i < FAILS; i++)
		put_cell(r, s->fails[i]);
	put_cell(r, s->retries);
	put_cell(r, s->bytes_in);
	put_cell(r, s->bytes_out);
	put(r, S("\n"));
}

static void put_head(struct row *r)
{
	put(r, S("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>"));
	put_name(r, str_from(site.ws->name));
	put(r, S("</title>\n<style>body{font:14px "
		 "sans-serif}table{border-collapse:collapse;margin:1em 0}"
		 "td,th{border:1px solid #bbb;padding:2px 6px;text-align:right}"
		 "td:first-child,th:first-child{text-align:left}.s td:first-child{padding-left:2em}"
		 "</style>\n<h1>"));
	put_name(r, str_from(site.ws->name));
	put(r, S("</h1>\n"));
}

static const char titles[] = "<th>queue<th>total<th>1xx<th>2xx<th>3xx<th>4xx<th>5xx"
#define FAILED(id, name, doc) "<th>" name
	FAIL_LIST(FAILED)
#undef FAILED
		"<th>retries<th>bytes in<th>bytes out\n";

static void put_titles(struct row *r, const char *what, const char *now)
{
	put(r, S("<table><tr><th>"));
	put(r, str_from(what));
	put(r, S("<th>"));
	put(r, str_from(now));
	put(r, str_from(titles));
}

static void front_row(struct row *r, const struct front *fe)
{
	struct side_sum sum = count_front(fe->index);

	put(r, S("<tr><td>"));
	put_name(r, fe->name);
	put_cell(r, atomic_load_explicit(&fe->limit.cur, memory_order_relaxed));
	put(r, S("<td>"));
	put_sums(r, &sum);
}

static void back_row(struct row *r, const struct back *be)
{
	struct side_sum sum = count_back(be->index);

	put(r, S("<tr><td>"));
	put_name(r, be->name);
	put_cell(r, count_back_now(be->index));
	put_cell(r, queue_length(be));
	put_sums(r, &sum);
}

/* Whether it is used, and what its last check gave. */
static void put_state(struct row *r, const struct server *s)
{
	unsigned off = atomic_load_explicit(&s->off, memory_order_relaxed);
	uint64_t at = s->health ? atomic_load(&s->health->at) : 0;
	unsigned status = at ? atomic_load(&s->health->status) : 0;
	char text[96];

	if (off & SERVER_DISABLED)
		put(r, S(" (disabled)"));
	else if (off & SERVER_DOWN)
		put(r, S(" (down)"));
	else if (s->ws && s->ws->backup)
		put(r, S(" (backup)"));
	if (!at)
		return;
	put(r, S("<br><small>check: "));
	put(r, check_result_name(s->health));
	if (status)
		put(r, str_of(text, (size_t)snprintf(text, sizeof(text), " %u", status)));
	put(r, str_of(text, (size_t)snprintf(text, sizeof(text), ", %u ms, %" PRIu64 " s ago",
					     atomic_load(&s->health->ms),
					     th->now > at ? (th->now - at) / 1000 : 0)));
	put(r, S("</small>"));
}

static void server_row(struct row *r, const struct server *s)
{
	struct side_sum sum = count_server(s->be->index, s->index);

	put(r, S("<tr class=\"s\"><td>"));
	put_name(r, s->name);
	put_state(r, s);
	put_cell(r, count_server_now(s));
	put(r, S("<td>"));
	put_sums(r, &sum);
}

/* A back side, then its servers: j 0 is itself. */
static void back_step(struct row *r, struct page_at *at)
{
	const struct back *be = site.backs[at->i];

	if (be && !at->j)
		back_row(r, be);
	else if (be && be->owner == be && at->j <= be->nservers)
		server_row(r, &be->servers[at->j - 1]);
	if (be && be->owner == be && at->j < be->nservers) {
		at->j++;
		return;
	}
	at->j = 0;
	at->i++;
}

static size_t fill(struct page_at *at, char *out, size_t room)
{
	struct row r = { .p = out, .room = room };

	while (at->family < TABLES && r.room - r.n >= PAGE_ROW_MAX) {
		bool rows = at->family == TABLE_FRONTS || at->family == TABLE_BACKS;

		if (at->family == TABLE_HEAD)
			put_head(&r);
		else if (at->family == TABLE_FOOT)
			put(&r, S("</html>\n"));
		else if (!at->i && !at->j)
			put_titles(&r, at->family == TABLE_FRONTS ? "front sides" : "back sides",
				   at->family == TABLE_FRONTS ? "connections" : "requests");
		if (rows && at->i < site.ws->nsections) {
			if (at->family == TABLE_BACKS)
				back_step(&r, at);
			else if (site.fronts[at->i++])
				front_row(&r, site.fronts[at->i - 1]);
			if (at->i < site.ws->nsections)
				continue;
		}
		if (rows)
			put(&r, S("</table>\n"));
		*at = (struct page_at) { .family = (uint16_t)(at->family + 1) };
	}
	return r.n;
}

const struct page_part page_stats = { "stats", { "text/html; charset=utf-8", 24 }, fill };
