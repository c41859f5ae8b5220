/* SPDX-License-Identifier: Apache-2.0 */
#include "test_write.h"

#include "show.h"

static void put_headers(FILE *out, const struct fields *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		fprintf(out, " header %.*s ", STR_ARG(f->at[i].name));
		show_quoted(out, f->at[i].value);
	}
}

static void put_address(FILE *out, struct arena *a, const char *word, const struct p_net *ip,
			uint16_t port)
{
	struct str s = address_text(a, ip);
	bool v6 = str_chr(s, ':') >= 0;

	fprintf(out, " %s %s%.*s%s:%u", word, v6 ? "[" : "", STR_ARG(s), v6 ? "]" : "", port);
}

static void put_request(FILE *out, struct arena *a, const struct request_spec *q)
{
	fprintf(out, "    request %.*s ", STR_ARG(q->meth));
	show_quoted(out, q->target);
	fprintf(out, " version %.*s", STR_ARG(q->version));
	put_headers(out, &q->headers);
	put_address(out, a, "src", &q->src, q->src_port);
	if (q->has_dst)
		put_address(out, a, "dst", &q->dst, q->dst_port);
	if (q->bind.n)
		fprintf(out, " bind %.*s", STR_ARG(q->bind));
	if (q->tls)
		fputs(" tls", out);
	if (q->sni.n)
		fprintf(out, " sni %.*s", STR_ARG(q->sni));
	if (q->alpn.n)
		fprintf(out, " alpn %.*s", STR_ARG(q->alpn));
	for (uint32_t i = 0; i < q->cert.n; i++) {
		fprintf(out, " cert %.*s ", STR_ARG(q->cert.at[i].name));
		show_quoted(out, q->cert.at[i].value);
	}
	fputc('\n', out);
	if (!q->answered)
		return;
	fprintf(out, "    response %u", q->status);
	put_headers(out, &q->response);
	fputc('\n', out);
}

static void put_expect(FILE *out, const struct outcome *o)
{
	if (o->forwarded) {
		fprintf(out, "    expect backend %.*s", STR_ARG(o->backend->name));
		if (o->answer.present)
			fprintf(out, " status %u", o->answer.status);
		fputc('\n', out);
	} else if (o->answer.present) {
		fprintf(out, "    expect status %u\n", o->answer.status);
	} else {
		fputs("    expect drop\n", out);
	}
}

void test_write(FILE *out, struct arena *a, struct str name, const struct request_spec *q,
		const struct outcome *o)
{
	fputs("\ntest ", out);
	show_quoted(out, name);
	fputc('\n', out);
	put_request(out, a, q);
	put_expect(out, o);
}
