/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "explain.h"
#include "show.h"

static int by_count(const void *x, const void *y)
{
	const struct replay_group *a = *(const struct replay_group *const *)x,
				  *b = *(const struct replay_group *const *)y;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

struct replay_group **replay_sorted(const struct replay *r)
{
	struct replay_group **all = ARENA_ARRAY(r->a, struct replay_group *, r->groups.n + 1);

	for (size_t i = 0; i < r->groups.n; i++)
		all[i] = r->groups.all[i]->object;
	if (r->groups.n)
		qsort(all, r->groups.n, sizeof(*all), by_count);
	return all;
}

void replay_plain(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c > 0x7e)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
}

static void put_side(FILE *out, const struct program *p, struct str what, const struct p_rule *rule)
{
	replay_plain(out, what);
	if (!rule)
		return;
	fputs("   by ", out);
	show_place(out, p, rule->place);
	fputs("  ", out);
	show_rule(out, rule);
}

static void put_group(const struct replay *r, const struct replay_group *g, FILE *out)
{
	fprintf(out, "\n%" PRIu64 " request%s\n    was  ", g->n, g->n == 1 ? "" : "s");
	put_side(out, r->old, g->was, g->old);
	fputs("\n    is   ", out);
	put_side(out, r->new, g->is, g->new);
	fprintf(out, "\n    line %" PRIu64 ": ", g->line);
	replay_plain(out, g->example);
	fputs("\n", out);
}

void replay_sums(const struct replay *r, FILE *out)
{
	const char *between = ": the log does not say ";

	fprintf(out, "%" PRIu64 " lines, %" PRIu64 " requests\n", r->lines, r->requests);
	fprintf(out, "  the same     %" PRIu64 "\n", r->same);
	fprintf(out, "  moved        %" PRIu64 "\n", r->moved);
	fprintf(out, "  not decided  %" PRIu64, r->open);
	for (size_t i = 0; i < r->reasons.n; i++) {
		const struct replay_reason *n = r->reasons.all[i]->object;

		fprintf(out, "%s%.*s (%" PRIu64 ")", between, STR_ARG(n->what), n->n);
		between = ", ";
	}
	fputs("\n", out);
	if (r->others)
		fprintf(out, "  %" PRIu64 " lines of what was no HTTP request\n", r->others);
	if (r->unread)
		fprintf(out, "  %" PRIu64 " lines could not be read\n", r->unread);
	if (r->astray)
		fprintf(out,
			"  %" PRIu64
			" requests ended otherwise in the log than under the old site: another "
			"site wrote it, or what is known\n"
			"  at run time alone decided\n",
			r->astray);
}

void replay_text(const struct replay *r, const struct replay_names *n, FILE *out)
{
	struct replay_group **all = replay_sorted(r);

	replay_sums(r, out);
	for (size_t i = 0; i < r->groups.n && i < n->max; i++)
		put_group(r, all[i], out);
	if (r->groups.n > n->max)
		fprintf(out, "\n%" PRIu64 " more groups (--max shows more)\n",
			(uint64_t)r->groups.n - n->max);
	if (r->full)
		fprintf(out,
			"\nthere are more than %d groups: the rest is counted with the first\n",
			REPLAY_GROUPS_MAX);
}

static void json_side(const struct replay *r, const struct program *p, const char *name,
		      const struct p_rule *rule, FILE *out)
{
	struct show_buffer b;

	fprintf(out, ",\"%s\":", name);
	if (!rule) {
		fputs("null", out);
		return;
	}
	show_open(&b);
	show_rule(b.out, rule);
	putc('{', out);
	explain_json_place(out, p, rule->place);
	putc(',', out);
	explain_json_str(out, "text", show_close(&b, r->a));
	putc('}', out);
}

void replay_json_sums(const struct replay *r, FILE *out)
{
	fprintf(out,
		"\"lines\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"same\":%" PRIu64
		",\"moved\":%" PRIu64 ",\"undecided\":%" PRIu64 ",\"others\":%" PRIu64
		",\"unread\":%" PRIu64 ",\"astray\":%" PRIu64 ",\"missing\":[",
		r->lines, r->requests, r->same, r->moved, r->open, r->others, r->unread, r->astray);
	for (size_t i = 0; i < r->reasons.n; i++) {
		const struct replay_reason *x = r->reasons.all[i]->object;

		fputs(i ? ",{" : "{", out);
		explain_json_str(out, "subject", x->what);
		fprintf(out, ",\"count\":%" PRIu64 "}", x->n);
	}
	putc(']', out);
}

void replay_json(const struct replay *r, const struct replay_names *n, FILE *out)
{
	struct replay_group **all = replay_sorted(r);

	fputs("{\"version\":1,", out);
	replay_json_sums(r, out);
	fprintf(out, ",\"ngroups\":%zu,\"groups\":[", r->groups.n);
	for (size_t i = 0; i < r->groups.n && i < n->max; i++) {
		const struct replay_group *g = all[i];

		fprintf(out, "%s{\"count\":%" PRIu64 ",", i ? "," : "", g->n);
		explain_json_str(out, "was", g->was);
		putc(',', out);
		explain_json_str(out, "is", g->is);
		json_side(r, r->old, "old_rule", g->old, out);
		json_side(r, r->new, "new_rule", g->new, out);
		fprintf(out, ",\"line\":%" PRIu64 ",", g->line);
		explain_json_str(out, "example", g->example);
		putc('}', out);
	}
	fputs("]}\n", out);
}
