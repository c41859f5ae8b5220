/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_tests.h"

#include <errno.h>
#include <sys/stat.h>

#include "show.h"

static void put_request(FILE *out, struct arena *a, const struct compare_witness *w)
{
	const struct request_spec *q = &w->request;

	fprintf(out, "    request %.*s ", STR_ARG(q->meth));
	show_quoted(out, q->target);
	fprintf(out, " version %.*s", STR_ARG(q->version));
	for (uint32_t i = 0; i < q->headers.n; i++) {
		fprintf(out, " header %.*s ", STR_ARG(q->headers.at[i].name));
		show_quoted(out, q->headers.at[i].value);
	}
	fprintf(out, " src %.*s", STR_ARG(address_text(a, &q->src)));
	if (q->bind.n)
		fprintf(out, " bind %.*s", STR_ARG(q->bind));
	fputc('\n', out);
}

/* What the new side does with it. */
static void put_expect(FILE *out, const struct outcome *o)
{
	if (o->forwarded)
		fprintf(out, "    expect backend %.*s\n", STR_ARG(o->backend->name));
	else if (o->answer.present)
		fprintf(out, "    expect status %u\n", o->answer.status);
	else
		fputs("    expect drop\n", out);
}

bool diff_tests(const struct diff_report *r, const char *dir)
{
	struct str path = arena_printf(r->a, "%s/diff.weir", dir);
	FILE *out;
	bool good;

	if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
		fprintf(stderr, "weir diff: %s: %s\n", dir, strerror(errno));
		return false;
	}
	out = fopen(path.p, "we");
	if (out)
		fputs("# What the new site does with the requests that changed. Include it in the "
		      "site.\n",
		      out);
	for (uint32_t i = 0; out && i < r->shown; i++) {
		const struct compare_class *c = &r->classes->classes[i];

		fputs("\ntest ", out);
		show_quoted(out, arena_printf(r->a, "%s %u: %.*s -> %.*s",
					      compare_severities[c->severity], i + 1,
					      STR_ARG(c->was), STR_ARG(c->is)));
		fputc('\n', out);
		put_request(out, r->a, c->witness);
		put_expect(out, c->witness->new);
	}
	good = out && fflush(out) == 0 && !ferror(out);
	if (out)
		good = fclose(out) == 0 && good;
	if (!good)
		fprintf(stderr, "weir diff: %.*s: %s\n", STR_ARG(path), strerror(errno));
	return good;
}
