/* SPDX-License-Identifier: Apache-2.0 */
#include "emit_part.h"

_Static_assert((int)PART_HEADER == WS_PART_HEADER && (int)PART_HOST == WS_PART_HOST &&
		       (int)PART_PATH == WS_PART_PATH && (int)PART_QUERY == WS_PART_QUERY &&
		       (int)PART_URI == WS_PART_URI && (int)PART_METH == WS_PART_METH &&
		       (int)PART_STATUS == WS_PART_STATUS && (int)PART_LINE == WS_PART_LINE,
	       "parts of a message");

_Static_assert((int)PAGE_STATS == WS_PAGE_STATS && (int)PAGE_METRICS == WS_PAGE_METRICS, "pages");

static uint32_t function(struct emit *e, enum action_id id)
{
	if (e->action_fn[id] == WS_NONE) {
		e->action_fn[id] = e->nactions;
		e->actions[e->nactions++] = id;
	}
	return e->action_fn[id];
}

static struct ws_run answer_headers(struct emit *e, const struct p_action *a)
{
	struct ws_answer_header *rows = ARENA_ARRAY(e->arena, struct ws_answer_header, a->nheaders);

	for (uint32_t i = 0; i < a->nheaders; i++) {
		rows[i].name = emit_ref(e, a->headers[i].name);
		rows[i].text = emit_text(e, a->headers[i].value);
	}
	return (struct ws_run) { .first = emit_put(e, EMIT_ANSWER_HEADERS, rows, a->nheaders),
				 .n = a->nheaders };
}

static uint32_t answer(struct emit *e, const struct p_action *a)
{
	struct ws_answer row = { .text = WS_NONE };
	struct str body = { 0 };

	row.type = emit_ref(e, a->type);
	if (a->file.n)
		row.body = emit_ref(e, emit_file(e, a->file, a->place));
	else if (a->text && emit_is_constant(a->text, &body))
		row.body = emit_ref(e, body);
	else
		row.text = emit_text(e, a->text);
	row.headers = answer_headers(e, a);
	return emit_put(e, EMIT_ANSWERS, &row, 1);
}

static uint8_t flags(const struct p_action *a)
{
	unsigned f = (a->drop_query ? WS_A_DROP_QUERY : 0u) |
		     (a->append_slash ? WS_A_APPEND_SLASH : 0u) | (a->icase ? WS_A_ICASE : 0u);

	if (a->id == ACT_REDIR)
		f |= a->redir == REDIR_SCHEME   ? WS_A_SCHEME
		     : a->redir == REDIR_PREFIX ? WS_A_PREFIX
						: 0u;
	return (uint8_t)f;
}

/* A choice by a map: the subject stands without the map, whose values are sections here; what the
 * map gives by default is the target. */
static void choice(struct emit *e, const struct p_action *a, struct ws_action *row)
{
	const struct p_conv *last = a->subject->convs;
	struct str name;

	while (last->next)
		last = last->next;
	row->subject = emit_key(e, a->subject);
	row->map = emit_choices(e, a->map, a->subject);
	row->target =
		last->text && emit_is_constant(last->text, &name) ? emit_section(e, name) : WS_NONE;
}

static void action_row(struct emit *e, const struct p_action *a, struct ws_action *row)
{
	memset(row, 0, sizeof(*row));
	row->fn = function(e, a->id);
	row->flags = flags(a);
	row->part = (uint8_t)a->part;
	row->status = (uint16_t)a->status;
	row->num = a->num;
	row->name = emit_ref(e, a->name);
	row->old = emit_ref(e, a->old);
	row->text = a->id == ACT_RESPOND ? WS_NONE : emit_text(e, a->text);
	row->regex = emit_regex(e, a->regex, a->id != ACT_DELETE);
	row->map = row->subject = WS_NONE;
	row->target = a->id == ACT_PASS || a->id == ACT_COUNT ? emit_checkpoint(e, a->target)
		      : a->target                             ? a->target->index
							      : WS_NONE;
	if (a->map)
		choice(e, a, row);
	else
		row->subject = emit_subject(e, a->subject);
	row->slot = a->id == ACT_CAPTURE ? a->capture : a->id == ACT_SETVAR ? a->var : 0;
	row->answer = a->id == ACT_RESPOND && !a->page ? answer(e, a) : WS_NONE;
	if (a->page) {
		row->num = a->page;
		e->parts[PART_COUNT] = true;
		e->parts[a->page == PAGE_STATS ? PART_PAGE_STATS : PART_PAGE_METRICS] = true;
	}
	row->where = emit_place(e, a->place);
}

struct ws_run emit_actions(struct emit *e, const struct p_rule *r)
{
	struct ws_action *rows = ARENA_ARRAY(e->arena, struct ws_action, r->nactions);

	for (uint32_t i = 0; i < r->nactions; i++)
		action_row(e, &r->actions[i], &rows[i]);
	return (struct ws_run) { .first = emit_put(e, EMIT_ACTION_ROWS, rows, r->nactions),
				 .n = r->nactions };
}
