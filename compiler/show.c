/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <inttypes.h>
#include <stdlib.h>

#include "program_form.h"
#include "value.h"
#include "../runtime/base/addr.h"

void show_open(struct show_buffer *b)
{
	*b = (struct show_buffer) { 0 };
	b->out = open_memstream(&b->p, &b->n);
	if (!b->out) {
		fputs("weir: out of memory\n", stderr);
		exit(1);
	}
}

struct str show_close(struct show_buffer *b, struct arena *a)
{
	struct str s;

	fclose(b->out);
	s = arena_str(a, str_of(b->p, b->n));
	free(b->p);
	return s;
}

void show_quoted(FILE *out, struct str s)
{
	putc('"', out);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"')
			fputs("\\\"", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/* Length of the UTF-8 character at <s>, 0 when it is none (RFC 3629 4). */
static size_t utf8_at(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void show_json(FILE *out, struct str s)
{
	putc('"', out);
	while (s.n) {
		size_t n = utf8_at(s);
		unsigned char c = (unsigned char)s.p[0];

		if (n == 0)
			fputs("\xef\xbf\xbd", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(s.p, 1, n, out);
		s = str_skip(s, n ? n : 1);
	}
	putc('"', out);
}

void show_place(FILE *out, const struct program *p, struct p_place at)
{
	if (at.file < p->nfiles && at.line)
		fprintf(out, "%.*s:%u", STR_ARG(p->files[at.file]), at.line);
	else
		fputs("(no place)", out);
}

const char *show_dir(enum rule_dir dir)
{
	static const char *const dirs[] = { "conn in", "sess in", "req in",
					    "req out", "rsp in",  "rsp out" };

	return dirs[dir];
}

static void show_text(FILE *out, const struct p_text *t)
{
	putc('"', out);
	for (uint32_t i = 0; t && i < t->n; i++) {
		const struct p_piece *p = &t->pieces[i];

		switch (p->kind) {
		case PIECE_LITERAL:
			for (size_t k = 0; k < p->text.n; k++) {
				if (p->text.p[k] == '"' || p->text.p[k] == '\\')
					putc('\\', out);
				if ((unsigned char)p->text.p[k] < 0x20)
					fprintf(out, "\\x%02x", p->text.p[k]);
				else
					putc(p->text.p[k], out);
			}
			break;
		case PIECE_SUBJECT:
			fputs("%{", out);
			show_subject(out, p->subject);
			putc('}', out);
			break;
		case PIECE_BACKREF:
			fprintf(out, "\\%u", p->backref);
			break;
		case PIECE_PARAM:
			fprintf(out, "${%.*s}", STR_ARG(p->param->name));
			break;
		}
	}
	putc('"', out);
}

static void show_regex(FILE *out, const struct p_regex *r, bool icase_by_subject)
{
	show_quoted(out, r->text);
	if (r->icase != icase_by_subject)
		putc(r->icase ? 'i' : 'c', out);
	if (r->freespace)
		putc('x', out);
}

static void show_conv(FILE *out, const struct p_conv *c)
{
	fprintf(out, "|%s", form_converters[c->id]);
	switch (c->id) {
	case CONV_FIELD:
		fprintf(out, "(%" PRId64 ",", c->num);
		show_quoted(out, str_of(&c->delim, 1));
		putc(')', out);
		break;
	case CONV_SUB:
		putc('(', out);
		show_regex(out, c->regex, false);
		putc(',', out);
		show_text(out, c->text);
		putc(')', out);
		break;
	case CONV_MASK:
		fprintf(out, "(%" PRId64 ",%" PRId64 ")", c->num, c->num2);
		break;
	case CONV_MAP:
		fprintf(out, "(%.*s", STR_ARG(c->map->name));
		if (c->text) {
			putc(',', out);
			show_text(out, c->text);
		}
		putc(')', out);
		break;
	case CONV_HASH:
		if (c->num)
			fprintf(out, "(%" PRId64 ")", c->num);
		break;
	default:
		break;
	}
}

void show_subject(FILE *out, const struct p_subject *s)
{
	bool upper = !s->icase && s->type == TYPE_STR && s->id <= SUBJ_C;

	if (s->measure != MEASURE_NONE)
		fputs(s->measure == MEASURE_LEN ? "len(" : "count(", out);
	if (s->of_request)
		fputs("req.", out);
	for (const char *c = form_subjects[s->id]; *c; c++)
		putc(upper && *c >= 'a' && *c <= 'z' ? *c & ~0x20 : *c, out);
	if (s->section)
		fprintf(out, "(%.*s)", STR_ARG(s->section->name));
	else if (s->name.n)
		fprintf(out, "(%.*s)", STR_ARG(s->name));
	else if (s->id == SUBJ_RANDOM)
		fprintf(out, "(%" PRId64 ")", s->num);
	for (const struct p_conv *c = s->convs; c; c = c->next)
		show_conv(out, c);
	if (s->measure != MEASURE_NONE)
		putc(')', out);
}

void show_net(FILE *out, const struct p_net *net)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = net->bits >= 96 && memcmp(net->addr, mapped, 12) == 0;
	unsigned bits = v4 ? net->bits - 96u : net->bits;
	struct addr addr = { .kind = AK_INET };
	char text[ADDR_TEXT];

	memcpy(addr.ip, net->addr, 16);
	addr_format_ip(&addr, text);
	fputs(text, out);
	if (bits != (v4 ? 32 : 128))
		fprintf(out, "/%u", bits);
}

void show_value(FILE *out, const struct p_subject *s, const struct p_value *v)
{
	bool by_subject = s && s->icase;

	switch (v->kind) {
	case VALUE_INT:
		fprintf(out, "%" PRId64, v->lo);
		if (v->hi != v->lo)
			fprintf(out, ":%" PRId64, v->hi);
		return;
	case VALUE_NET:
		show_net(out, &v->net);
		return;
	case VALUE_REGEX:
		show_regex(out, v->regex, by_subject);
		return;
	case VALUE_STR:
		show_quoted(out, v->text);
		break;
	case VALUE_TEXT:
		show_text(out, v->computed);
		break;
	}
	if (v->icase != by_subject && (!s || s->type == TYPE_STR))
		putc(v->icase ? 'i' : 'c', out);
	if (v->bound)
		putc('b', out);
}

void show_test(FILE *out, const struct p_test *t)
{
	const char *op = t->negated ? form_negations[t->op] : form_operators[t->op];

	if (t->op == OP_TRUE && t->negated)
		fputs("not ", out);
	show_subject(out, t->subject);
	if (t->op == OP_TRUE)
		return;
	fprintf(out, " %s", op);
	if (t->set)
		fprintf(out, " set %.*s", STR_ARG(t->set->name));
	for (uint32_t i = 0; i < t->nvalues; i++) {
		putc(' ', out);
		show_value(out, t->subject, &t->values[i]);
	}
}

static void show_kids(FILE *out, const struct p_expr *e, const char *between)
{
	for (uint32_t i = 0; i < e->nkids; i++) {
		const struct p_expr *k = e->kids[i];
		bool group = k->nkids > 0 &&
			     (k->kind == PE_OR || (k->kind == PE_AND && e->kind != PE_OR));

		if (i)
			fputs(between, out);
		if (group)
			putc('(', out);
		show_expr(out, k);
		if (group)
			putc(')', out);
	}
}

void show_expr(FILE *out, const struct p_expr *e)
{
	switch (e->kind) {
	case PE_TRUE:
		fputs("all", out);
		break;
	case PE_FALSE:
		fputs("!all", out);
		break;
	case PE_AND:
		show_kids(out, e, " ");
		break;
	case PE_OR:
		show_kids(out, e, ", ");
		break;
	case PE_NOT:
		putc('!', out);
		show_kids(out, e, " ");
		break;
	case PE_TEST:
		fputs("(", out);
		show_test(out, e->test);
		fputs(")", out);
		break;
	case PE_ACL:
		fprintf(out, "%.*s", STR_ARG(e->acl->name));
		break;
	}
}

static void show_part(FILE *out, const struct p_action *a)
{
	static const char *const parts[] = { "",    "host", "path",   "query",
					     "uri", "meth", "status", "line" };

	bool like_part = false;

	for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
		like_part |= str_ieq(a->name, str_from(parts[i]));
	if (a->part == PART_HEADER)
		fprintf(out, like_part ? " h(%.*s)" : " %.*s", STR_ARG(a->name));
	else
		fprintf(out, " %s", parts[a->part]);
	if (!a->text)
		fprintf(out, " %" PRId64, a->status);
}

static void show_respond(FILE *out, const struct p_action *a)
{
	if (a->type.n)
		fprintf(out, " type %.*s", STR_ARG(a->type));
	for (uint32_t i = 0; i < a->nheaders; i++) {
		fprintf(out, " header %.*s ", STR_ARG(a->headers[i].name));
		show_text(out, a->headers[i].value);
	}
	if (a->file.n) {
		fputs(" file ", out);
		show_quoted(out, a->file);
	}
	if (a->text)
		fputs(" body", out);
}

/* Arguments in the order in which the language has them; what an action does not use is empty. */
void show_action(FILE *out, const struct p_action *a)
{
	fputs(form_actions[a->id], out);
	if (a->id == ACT_SET)
		show_part(out, a);
	else if (a->page)
		fputs(a->page == PAGE_STATS ? " stats" : " metrics", out);
	else if (a->status)
		fprintf(out, " %" PRId64, a->status);
	if (a->id == ACT_TARPIT)
		fprintf(out, " %" PRId64 "ms", a->num);
	if (a->id == ACT_REDIR && a->redir != REDIR_TARGET)
		fputs(a->redir == REDIR_SCHEME ? " scheme" : " prefix", out);
	if (a->id == ACT_RESPOND)
		show_respond(out, a);
	if (a->id == ACT_CAPTURE)
		fputs(" ", out);
	if (a->subject && a->id == ACT_CAPTURE)
		show_subject(out, a->subject);
	if (a->id != ACT_SET && a->name.n)
		fprintf(out, "%s %.*s", a->id == ACT_CAPTURE ? " as" : "", STR_ARG(a->name));
	if (a->id == ACT_LOG)
		fprintf(out, " %.*s", STR_ARG(value_level_name(a->num)));
	else if (a->num)
		fprintf(out, "%s %" PRId64, a->id == ACT_CAPTURE ? " len" : "", a->num);
	if (a->old.n || a->id == ACT_MAPURI || a->id == ACT_MAPLOC || a->id == ACT_URIREMAP) {
		putc(' ', out);
		show_quoted(out, a->old);
		fputs(a->icase ? "i" : "", out);
	}
	if (a->regex) {
		putc(' ', out);
		show_regex(out, a->regex, false);
	}
	if (a->target)
		fprintf(out, " %.*s", STR_ARG(a->target->name));
	else if (a->subject && a->id != ACT_CAPTURE) {
		fputs(" %{", out);
		show_subject(out, a->subject);
		putc('}', out);
	}
	if (a->text) {
		putc(' ', out);
		show_text(out, a->text);
	}
	fputs(a->drop_query ? " drop-query" : "", out);
	fputs(a->append_slash ? " append-slash" : "", out);
}

bool show_same_action(const struct p_action *x, const struct p_action *y)
{
	struct arena own = { 0 };
	struct show_buffer b;
	struct str s, t;
	bool same;

	show_open(&b);
	show_action(b.out, x);
	s = show_close(&b, &own);
	show_open(&b);
	show_action(b.out, y);
	t = show_close(&b, &own);
	same = str_eq(s, t);
	arena_free(&own);
	return same;
}

void show_rule(FILE *out, const struct p_rule *r)
{
	fprintf(out, "%s ", show_dir(r->dir));
	for (uint32_t i = 0; i < r->nactions; i++) {
		if (i)
			fputs(" ; ", out);
		show_action(out, &r->actions[i]);
	}
	if (r->cond->kind == PE_TRUE)
		return;
	fputs(" on ", out);
	show_expr(out, r->cond);
}

void show_addr(FILE *out, const struct p_addr *a)
{
	static const char *const before[] = { "", "", "unix@", "abns@", "fd@" };

	if (a->text) {
		show_text(out, a->text);
		return;
	}
	fputs(before[a->kind], out);
	if (a->kind == ADDR_FD)
		fprintf(out, "%d", a->fd);
	else if (a->kind != ADDR_INET)
		fprintf(out, "%.*s", STR_ARG(a->path));
	else if (a->host_name)
		fprintf(out, "%.*s", STR_ARG(a->host));
	else if (!a->any_host)
		show_net(out, &a->ip);
	if (a->kind != ADDR_INET)
		return;
	fprintf(out, a->port_offset ? ":+%u" : ":%u", a->port);
	if (a->port_hi > a->port)
		fprintf(out, "-%u", a->port_hi);
}

static void word_if(FILE *out, bool on, const char *word)
{
	if (on)
		fprintf(out, " %s", word);
}

static void num_if(FILE *out, bool on, const char *word, int64_t n)
{
	if (on)
		fprintf(out, " %s %" PRId64, word, n);
}

static void str_if(FILE *out, const char *word, struct str s)
{
	if (s.n)
		fprintf(out, " %s %.*s", word, STR_ARG(s));
}

static void text_if(FILE *out, const char *word, const struct p_text *t)
{
	if (!t)
		return;
	fprintf(out, " %s ", word);
	show_text(out, t);
}

static void show_tls(FILE *out, const struct p_tls *t)
{
	static const char *const verify[] = { "", "none", "optional", "required" };

	if (!t->on)
		return;
	fputs(" tls", out);
	for (uint32_t i = 0; i < t->ncerts; i++)
		text_if(out, "cert", t->certs[i]);
	text_if(out, "ca", t->ca);
	fprintf(out, " verify %s", verify[t->verify]);
	text_if(out, "sni", t->sni);
	str_if(out, "alpn", t->alpn);
}

void show_bind(FILE *out, const struct p_bind *b)
{
	show_addr(out, &b->addr);
	show_tls(out, &b->tls);
	word_if(out, b->accept_proxy, "accept-proxy");
	word_if(out, b->v6only, "v6only");
	word_if(out, b->transparent, "transparent");
	num_if(out, b->backlog > 0, "backlog", b->backlog);
	num_if(out, b->maxconn > 0, "maxconn", b->maxconn);
	num_if(out, b->mode > 0, "mode", b->mode);
	num_if(out, b->uid > 0, "uid", b->uid);
	num_if(out, b->gid > 0, "gid", b->gid);
	str_if(out, "interface", b->interface);
	str_if(out, "thread", b->thread);
	str_if(out, "proto", b->proto);
}

void show_server(FILE *out, const struct p_server *s)
{
	show_addr(out, &s->addr);
	num_if(out, s->weight != 1, "weight", s->weight);
	num_if(out, s->maxconn > 0, "maxconn", s->maxconn);
	word_if(out, s->backup, "backup");
	word_if(out, s->disabled, "disabled");
	show_tls(out, &s->tls);
	word_if(out, s->send_proxy == 1, "send-proxy");
	word_if(out, s->send_proxy == 2, "send-proxy-v2");
	if (!str_eq(s->proto, S("h1")))
		str_if(out, "proto", s->proto);
	word_if(out, s->source.mode != SRC_NONE, "source");
	str_if(out, "cookie", s->cookie);
	word_if(out, s->check, "check");
	word_if(out, s->no_check, "no-check");
	num_if(out, s->check_port > 0, "check-port", s->check_port);
	word_if(out, s->check_addr.kind != ADDR_NONE, "check-addr");
	if (s->pass)
		str_if(out, "pass", s->pass->name);
}
