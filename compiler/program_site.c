/* SPDX-License-Identifier: Apache-2.0 */
#include "program_form.h"

const char *const form_kinds[SEC_TEST + 1] = {
	"file",    "global",   "profile",    "listen", "frontend", "reqrules",
	"backend", "rsprules", "checkpoint", "set",    "map",      "test",
};
const char *const form_options[OPTIONS] = {
#define OPTION(id, words, ...) words,
#include "../grammar/option.def"
};

static const char *const modes[] = { "http", "tcp" };
static const char *const addr_kinds[] = { "none", "inet", "unix", "abns", "fd" };
static const char *const verify_words[] = { "unset", "none", "optional", "required" };
static const char *const source_modes[] = { "none", "addr", "client", "client_ip", "header" };
static const char *const check_kinds[] = { "none", "tcp", "http" };
static const char *const cookie_modes[] = { "none", "insert", "rewrite", "prefix" };
static const char *const log_kinds[] = { "off", "stdout", "file", "udp", "unix" };

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

#define WORD_KEY(io, key, field, words)                                                            \
	do {                                                                                       \
		int w_ = (int)(field);                                                             \
		if (io_key((io), (key), w_ != 0))                                                  \
			io_value_word((io), &w_, (words), COUNT(words));                           \
		if (io_reading(io))                                                                \
			(field) = (__typeof__(field))w_;                                           \
	} while (0)

/* Takes the line's keyword; it must be there. */
static bool must(struct pio *io, unsigned depth, const char *word)
{
	bool there = io_line(io, depth, word, true);

	if (!there)
		io_fail(io, "a line is missing or out of order");
	return there;
}

void form_setting(struct pio *io, struct p_setting *s)
{
	io_flag(io, "set", &s->set);
	IO_NUM(io, "num", s->num, INT64_MIN + 1, INT64_MAX);
	IO_NUM(io, "num2", s->num2, INT64_MIN + 1, INT64_MAX);
	IO_NUM(io, "num3", s->num3, INT64_MIN + 1, INT64_MAX);
	io_str(io, "text", &s->text);
	form_text(io, "computed", &s->computed);
	if (io_reading(io) || io->places)
		io_str(io, "origin", &s->origin);
	form_place(io, &s->place);
}

static bool setting_empty(const struct p_setting *s)
{
	return !s->set && !s->num && !s->num2 && !s->num3 && !s->text.n && !s->computed &&
	       !s->origin.n && !s->place.line;
}

/* opt "timeout connect" …, those that hold something */
static void form_settings(struct pio *io, unsigned depth, struct p_setting *settings)
{
	for (int i = 0; i < OPTIONS && !io_failed(io); i++) {
		struct str words = str_from(form_options[i]), got = words;

		if (!io_reading(io)) {
			if (setting_empty(&settings[i]))
				continue;
		} else if (io->tok.n == 0 || !str_eq(io->tok, S("opt"))) {
			return;
		} else {
			/* the words are looked at first: this option may be left out */
			struct str quoted =
				str_of(io->p, io->end - io->p > 0 ? (size_t)(io->end - io->p) : 0);

			if (!str_starts(str_trim(quoted), S("\"")) ||
			    !str_starts(str_skip(str_trim(quoted), 1), words) ||
			    !str_starts(str_skip(str_trim(quoted), words.n + 1), S("\"")))
				continue;
		}
		io_line(io, depth, "opt", true);
		io_value_str(io, &got);
		form_setting(io, &settings[i]);
	}
}

void form_addr(struct pio *io, const char *key, struct p_addr *a)
{
	if (!io_key(io, key, a->kind != ADDR_NONE || a->text))
		return;
	io_begin(io);
	WORD_KEY(io, "kind", a->kind, addr_kinds);
	if (io_key(io, "ip", a->ip.bits > 0))
		form_net(io, &a->ip);
	io_flag(io, "any_host", &a->any_host);
	io_flag(io, "host_name", &a->host_name);
	io_flag(io, "port_offset", &a->port_offset);
	IO_NUM(io, "port", a->port, 0, UINT16_MAX);
	IO_NUM(io, "port_hi", a->port_hi, 0, UINT16_MAX);
	io_str(io, "host", &a->host);
	io_str(io, "path", &a->path);
	IO_NUM(io, "fd", a->fd, INT32_MIN, INT32_MAX);
	form_text(io, "text", &a->text);
	io_end(io);
}

static void form_cert(struct pio *io, struct p_text **file)
{
	form_text(io, "file", file);
}

static void form_tls(struct pio *io, struct p_tls *t)
{
	t->on = io_key(io, "tls", t->on);
	if (!t->on)
		return;
	io_begin(io);
	WORD_KEY(io, "verify", t->verify, verify_words);
	IO_LIST(io, "certs", t->ncerts, t->certs, form_cert);
	form_text(io, "ca", &t->ca);
	form_text(io, "sni", &t->sni);
	io_str(io, "alpn", &t->alpn);
	io_end(io);
}

void form_bind(struct pio *io, struct p_bind *b)
{
	if (!must(io, 1, "bind"))
		return;
	form_addr(io, "addr", &b->addr);
	io_flag(io, "accept_proxy", &b->accept_proxy);
	io_flag(io, "v6only", &b->v6only);
	io_flag(io, "transparent", &b->transparent);
	IO_NUM(io, "backlog", b->backlog, -1, INT64_MAX);
	IO_NUM(io, "maxconn", b->maxconn, -1, INT64_MAX);
	IO_NUM(io, "mode", b->mode, -1, INT64_MAX);
	IO_NUM(io, "uid", b->uid, -1, INT64_MAX);
	IO_NUM(io, "gid", b->gid, -1, INT64_MAX);
	io_str(io, "interface", &b->interface);
	io_str(io, "name", &b->name);
	io_str(io, "thread", &b->thread);
	io_str(io, "proto", &b->proto);
	form_tls(io, &b->tls);
	form_place(io, &b->place);
}

static void form_source(struct pio *io, const char *key, struct p_source *s)
{
	if (!io_key(io, key, s->mode != SRC_NONE))
		return;
	io_begin(io);
	WORD_KEY(io, "mode", s->mode, source_modes);
	form_addr(io, "addr", &s->addr);
	form_ref_subject(io, "of", &s->subject);
	io_end(io);
}

void form_server(struct pio *io, struct p_server *s)
{
	if (!must(io, 1, "server"))
		return;
	io_value_str(io, &s->name);
	form_addr(io, "addr", &s->addr);
	IO_NUM(io, "weight", s->weight, INT64_MIN + 1, INT64_MAX);
	IO_NUM(io, "maxconn", s->maxconn, INT64_MIN + 1, INT64_MAX);
	io_flag(io, "backup", &s->backup);
	io_flag(io, "disabled", &s->disabled);
	IO_NUM(io, "send_proxy", s->send_proxy, 0, 2);
	io_str(io, "proto", &s->proto);
	io_str(io, "cookie", &s->cookie);
	io_flag(io, "check", &s->check);
	io_flag(io, "no_check", &s->no_check);
	io_flag(io, "checked", &s->checked);
	IO_NUM(io, "check_port", s->check_port, 0, UINT16_MAX);
	form_addr(io, "check_addr", &s->check_addr);
	form_source(io, "source", &s->source);
	form_tls(io, &s->tls);
	form_ref_section(io, "pass", &s->pass);
	form_place(io, &s->place);
}

void form_errorpage(struct pio *io, struct p_errorpage *e)
{
	if (!must(io, 1, "error"))
		return;
	IO_NUM(io, "status", e->status, 0, 999);
	io_str(io, "file", &e->file);
	io_str(io, "url", &e->url);
	form_place(io, &e->place);
}

void form_log(struct pio *io, struct p_log *l)
{
	if (!must(io, 1, "log"))
		return;
	WORD_KEY(io, "kind", l->kind, log_kinds);
	io_flag(io, "json", &l->json);
	form_addr(io, "addr", &l->addr);
	form_text(io, "path", &l->path);
	IO_NUM(io, "facility", l->facility, -1, 1000);
	IO_NUM(io, "level", l->level, -1, 1000);
	form_place(io, &l->place);
}

void form_control(struct pio *io, struct p_control *c)
{
	if (!io_line(io, 1, "control", c->addr.kind != ADDR_NONE || c->addr.text))
		return;
	form_addr(io, "addr", &c->addr);
	IO_NUM(io, "mode", c->mode, 0, 0777);
	form_place(io, &c->place);
}

static void form_forwardfor(struct pio *io, struct p_forwardfor *f)
{
	if (!io_key(io, "forwardfor", f->on || f->header.n || f->nunless))
		return;
	io_begin(io);
	io_flag(io, "on", &f->on);
	io_str(io, "header", &f->header);
	IO_LIST(io, "unless", f->nunless, f->unless, form_net);
	io_end(io);
}

/* Rules as index ranges: "req_in 2 0 11 15 15". */
static void form_chain(struct pio *io, const char *dir, struct p_chain *c, const struct program *p)
{
	int64_t total = c->n, from, to;

	if (!io_line(io, 1, dir, c->n > 0))
		return;
	io_value_num(io, &total, 1, p->nrules);
	if (io_reading(io)) {
		c->rules = ARENA_ARRAY(io->arena, struct p_rule *, (uint32_t)total);
		for (c->n = 0; c->n < total && !io_failed(io);) {
			io_value_num(io, &from, 0, (int64_t)p->nrules - 1);
			io_value_num(io, &to, from, (int64_t)p->nrules - 1);
			if (to - from >= total - c->n)
				io_fail(io, "more rules than the list has");
			for (; from <= to && !io_failed(io); from++)
				c->rules[c->n++] = p->rules[from];
		}
		return;
	}
	for (uint32_t i = 0; i < c->n; i++) {
		if (i == 0 || c->rules[i]->index != c->rules[i - 1]->index + 1)
			fprintf(io->out, " %u", c->rules[i]->index);
		if (i + 1 == c->n || c->rules[i + 1]->index != c->rules[i]->index + 1)
			fprintf(io->out, " %u", c->rules[i]->index);
	}
}

static void form_status(struct pio *io, struct p_status *s)
{
	io_value_num(io, &s->lo, 100, 599);
	io_value_num(io, &s->hi, s->lo, 599);
}

static void form_check(struct pio *io, struct p_check *c)
{
	if (!io_key(io, "check", c->kind != CHECK_NONE))
		return;
	io_begin(io);
	WORD_KEY(io, "kind", c->kind, check_kinds);
	io_str(io, "method", &c->method);
	io_str(io, "target", &c->target);
	io_str(io, "host", &c->host);
	IO_NUM(io, "every", c->every, 0, INT64_MAX);
	IO_NUM(io, "fast", c->fast, 0, INT64_MAX);
	IO_NUM(io, "down", c->down, 0, INT64_MAX);
	IO_NUM(io, "probe", c->probe, 0, INT64_MAX);
	IO_NUM(io, "rise", c->rise, 0, INT32_MAX);
	IO_NUM(io, "fall", c->fall, 0, INT32_MAX);
	IO_NUM(io, "port", c->port, 0, UINT16_MAX);
	form_addr(io, "addr", &c->addr);
	IO_LIST(io, "expect", c->nexpect, c->expect, form_status);
	form_place(io, &c->place);
	io_end(io);
}

static void form_cookie(struct pio *io, struct p_cookie *c)
{
	if (!io_key(io, "cookie", c->mode != COOKIE_NONE))
		return;
	io_begin(io);
	WORD_KEY(io, "mode", c->mode, cookie_modes);
	io_str(io, "name", &c->name);
	io_str(io, "domain", &c->domain);
	io_str(io, "attr", &c->attr);
	io_flag(io, "indirect", &c->indirect);
	io_flag(io, "nocache", &c->nocache);
	io_flag(io, "postonly", &c->postonly);
	io_flag(io, "httponly", &c->httponly);
	io_flag(io, "secure", &c->secure);
	form_place(io, &c->place);
	io_end(io);
}

void form_section_facts(struct pio *io, struct p_section *s)
{
	WORD_KEY(io, "front_mode", s->front_mode, modes);
	WORD_KEY(io, "back_mode", s->back_mode, modes);
	form_ref_section(io, "filters", &s->filters);
	form_ref_section(io, "servers_of", &s->servers_of);
	form_ref_section(io, "default_backend", &s->default_backend);
	form_forwardfor(io, &s->forwardfor);
	form_source(io, "source", &s->source);
	form_addr(io, "dispatch", &s->dispatch);
	form_check(io, &s->check);
	form_cookie(io, &s->cookie);
	form_ref_subject(io, "balance_on", &s->balance_on);
	form_ref_subject(io, "key", &s->key);
	form_ref_subject(io, "rsp_key", &s->rsp_key);
	IO_LIST(io, "monitor", s->nmonitor, s->monitor, form_net);
}

void form_section(struct pio *io, struct p_section *s, const struct program *p)
{
	form_section_facts(io, s);
	form_place(io, &s->place);
	form_settings(io, 1, s->settings);
	IO_LIST(io, "binds", s->nbinds, s->binds, form_bind);
	IO_LIST(io, "servers", s->nservers, s->servers, form_server);
	IO_LIST(io, "errors", s->nerrors, s->errors, form_errorpage);
	IO_LIST(io, "logs", s->nlogs, s->logs, form_log);
	for (int d = 0; d < RULE_DIRS; d++)
		form_chain(io, form_dirs[d], &s->chains[d], p);
	for (uint32_t i = 0; io_reading(io) && i < s->nservers; i++)
		s->servers[i].index = i;
}

void form_set(struct pio *io, struct p_set *s)
{
	io_flag(io, "dynamic", &s->dynamic);
	io_str(io, "file", &s->file);
	form_place(io, &s->place);
	IO_LIST(io, "values", s->nvalues, s->values, form_value);
}

static void form_entry(struct pio *io, struct p_value *key, struct str *val)
{
	io_line(io, 1, "entry", true);
	form_value(io, key);
	io_value_str(io, val);
}

void form_map(struct pio *io, struct p_map *m)
{
	int op = (int)m->op;

	io_value_word(io, &op, form_operators, OPERATORS);
	io_flag(io, "dynamic", &m->dynamic);
	form_place(io, &m->place);
	m->n = io_count(io, "entries", m->n);
	if (io_reading(io)) {
		m->op = (enum operator_id)op;
		m->keys = ARENA_ARRAY(io->arena, struct p_value, m->n);
		m->vals = ARENA_ARRAY(io->arena, struct str, m->n);
	}
	for (uint32_t i = 0; i < m->n && !io_failed(io); i++)
		form_entry(io, &m->keys[i], &m->vals[i]);
}

/* ---- test blocks ---- */

static void form_word(struct pio *io, struct ast_value *v)
{
	struct str delim = str_of(&v->delim, v->delim != 0);

	io_value_str(io, &v->text);
	io_str(io, "quoted", &delim);
	if (io_reading(io))
		v->delim = delim.n ? delim.p[0] : 0;
	IO_NUM(io, "opts", v->opts, 0, 15);
}

static uint32_t word_count(const struct ast_value *v)
{
	uint32_t n = 0;

	for (; v; v = v->next)
		n++;
	return n;
}

static void form_words(struct pio *io, struct ast_line **line)
{
	struct ast_value **v;
	uint32_t n;

	if (!must(io, 1, "line"))
		return;
	if (io_reading(io))
		*line = ARENA_NEW(io->arena, struct ast_line);
	IO_NUM(io, "at", (*line)->at.line, 0, UINT32_MAX);
	n = io_count(io, "words", io_reading(io) ? 0 : word_count((*line)->values));
	v = &(*line)->values;
	for (uint32_t i = 0; i < n && !io_failed(io); i++, v = &(*v)->next) {
		if (io_reading(io))
			*v = ARENA_NEW(io->arena, struct ast_value);
		form_word(io, *v);
	}
}

void form_case(struct pio *io, struct p_case *c)
{
	io_value_str(io, &c->name);
	form_place(io, &c->place);
	IO_LIST(io, "lines", c->nlines, c->lines, form_words);
}
