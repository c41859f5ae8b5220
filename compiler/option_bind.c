/* SPDX-License-Identifier: Apache-2.0 */
/* option_bind: bind and server lines, and the addresses they hold. */
#include "option.h"

#include "../runtime/base/thread_name.h"
#include "lower_part.h"
#include "option_tls.h"
#include "value.h"

#define COUNT_MAX ((int64_t)1 << 30)
#define WEIGHT_MAX 256

bool option_addr(struct model *m, struct scope *scope, const struct ast_value *v, const char *what,
		 struct p_addr *addr)
{
	struct use u = { .m = m, .scope = scope };
	const char *why;

	if (text_has_param(v->text)) {
		*addr = (struct p_addr) { .kind = ADDR_INET, .fd = -1 };
		addr->text = lower_text(&u, v, TEXT_PARAMS);
		return addr->text != NULL;
	}
	why = value_addr(value_plain(m->arena, v->text), addr);
	if (why)
		diag(E007, v->at, STR_ARG(v->text), what, why);
	return !why;
}

/* Words of a line that take one value each, or none. */
enum word_kind { WORD_FLAG, WORD_COUNT, WORD_OCTAL, WORD_TEXT, WORD_THREADS, WORD_ADDR };
struct word {
	const char *name;
	enum word_kind kind;
	size_t offset;
	int64_t min, max; /* max 0: COUNT_MAX */
};

static const struct word bind_words[] = {
	{ "accept-proxy", WORD_FLAG, offsetof(struct p_bind, accept_proxy), 0, 0 },
	{ "v6only", WORD_FLAG, offsetof(struct p_bind, v6only), 0, 0 },
	{ "transparent", WORD_FLAG, offsetof(struct p_bind, transparent), 0, 0 },
	{ "backlog", WORD_COUNT, offsetof(struct p_bind, backlog), 1, 0 },
	{ "maxconn", WORD_COUNT, offsetof(struct p_bind, maxconn), 1, 0 },
	{ "mode", WORD_OCTAL, offsetof(struct p_bind, mode), 0, 0 },
	{ "uid", WORD_COUNT, offsetof(struct p_bind, uid), 0, 0 },
	{ "gid", WORD_COUNT, offsetof(struct p_bind, gid), 0, 0 },
	{ "interface", WORD_TEXT, offsetof(struct p_bind, interface), 0, 0 },
	{ "name", WORD_TEXT, offsetof(struct p_bind, name), 0, 0 },
	{ "thread", WORD_THREADS, offsetof(struct p_bind, thread), 0, 0 },
	{ "proto", WORD_TEXT, offsetof(struct p_bind, proto), 0, 0 },
};

static const struct word server_words[] = {
	{ "weight", WORD_COUNT, offsetof(struct p_server, weight), 0, WEIGHT_MAX },
	{ "maxconn", WORD_COUNT, offsetof(struct p_server, maxconn), 0, 0 },
	{ "backup", WORD_FLAG, offsetof(struct p_server, backup), 0, 0 },
	{ "disabled", WORD_FLAG, offsetof(struct p_server, disabled), 0, 0 },
	{ "proto", WORD_TEXT, offsetof(struct p_server, proto), 0, 0 },
	{ "cookie", WORD_TEXT, offsetof(struct p_server, cookie), 0, 0 },
	{ "check", WORD_FLAG, offsetof(struct p_server, check), 0, 0 },
	{ "no-check", WORD_FLAG, offsetof(struct p_server, no_check), 0, 0 },
	{ "check-port", WORD_COUNT, offsetof(struct p_server, check_port), 1, 65535 },
	{ "check-addr", WORD_ADDR, offsetof(struct p_server, check_addr), 0, 0 },
};

static const struct word *find_word(const struct word *words, size_t n, const struct ast_value *v,
				    const char *what)
{
	struct str names[32];

	for (size_t i = 0; i < n; i++) {
		names[i] = str_from(words[i].name);
		if (!v->delim && str_eq(names[i], v->text))
			return &words[i];
	}
	diag(E056, v->at, STR_ARG(v->text), what);
	model_suggest_words(v->text, names, n);
	return NULL;
}

bool option_octal(const struct ast_value *v, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < v->text.n; i++) {
		if (v->text.p[i] < '0' || v->text.p[i] > '7' || *out > 0777) {
			diag(E007, v->at, STR_ARG(v->text), "mode",
			     "octal digits are expected, as 0660");
			return false;
		}
		*out = *out * 8 + (v->text.p[i] - '0');
	}
	return true;
}

/* Threads of a bind; a second "thread" adds to the first one. */
static void read_threads(struct model *m, const struct ast_value *v, struct str *field)
{
	struct thread_shape shape = option_threads(m);
	struct number_set set;
	char why[THREAD_WHY];
	struct str all =
		field->n ? arena_printf(m->arena, "%.*s,%.*s", STR_ARG(*field), STR_ARG(v->text))
			 : v->text;

	if (thread_names(all, &shape, &set, why))
		*field = all;
	else
		diag(E007, v->at, STR_ARG(v->text), "thread", why);
}

/* Reads <word> at <v> into <object>: returns what follows, or NULL at the end or after a report. */
static const struct ast_value *read_word(struct model *m, const struct word *word,
					 const struct ast_value *v, void *object)
{
	void *field = (char *)object + word->offset;
	const struct ast_value *arg = v->next;
	int64_t n;

	if (word->kind == WORD_FLAG) {
		*(bool *)field = true;
		return arg;
	}
	if (!arg) {
		diag(E054, v->at, word->name, "a value");
		return NULL;
	}
	if (word->kind == WORD_THREADS) {
		read_threads(m, arg, field);
	} else if (word->kind == WORD_ADDR) {
		option_addr(m, &m->site, arg, word->name, field);
	} else if (word->kind == WORD_TEXT) {
		if (!text_refused(arg, "it takes a word"))
			*(struct str *)field = value_plain(m->arena, arg->text);
	} else if (word->kind == WORD_OCTAL
			   ? option_octal(arg, &n)
			   : option_number(arg, word->name, UNIT_COUNT, word->min,
					   word->max ? word->max : COUNT_MAX, &n)) {
		*(int64_t *)field = n;
	}
	return arg->next;
}

static bool check_bind_addr(const struct ast_value *v, const struct p_addr *addr)
{
	const char *why = NULL;

	if (addr->text || addr->kind != ADDR_INET)
		return true;
	if (addr->port_offset)
		why = "+PORT is for servers";
	else if (addr->port == 0)
		why = "a bind needs a port, as :80";
	else if (addr->port_hi > addr->port)
		why = "a bind has one port";
	else if (addr->host_name)
		why = "a bind needs an address, not a name";
	if (why)
		diag(E007, v->at, STR_ARG(v->text), "bind", why);
	return !why;
}

#define INTERFACE_MAX 15 /* bytes of a name: IFNAMSIZ less its end */

static void check_interface(const struct ast_value *v, const struct p_addr *addr)
{
	const char *why = NULL;

	if (addr->kind != ADDR_INET)
		why = "only a bind to an IP address has an interface";
	else if (v->text.n == 0 || v->text.n > INTERFACE_MAX || str_chr(v->text, '/') >= 0)
		why = "names of interfaces have 1 to 15 bytes and no /";
	if (why)
		diag(E007, v->at, STR_ARG(v->text), "interface", why);
}

static void bad_proto(struct p_place place, struct str proto, const char *why)
{
	struct at at = { .file = place.file, .line = place.line, .col = 1, .len = 1 };

	diag(E007, at, STR_ARG(proto), "proto", why);
}

/* Whether <list>, names with commas between, has <name>. */
static bool lists(struct str list, struct str name)
{
	while (list.n)
		if (str_eq(str_cut(&list, ','), name))
			return true;
	return false;
}

/* proto says the same as alpn, or alone what is spoken; a side that passes bytes speaks nothing. */
static void check_bind_proto(const struct p_bind *b, enum p_mode mode)
{
	bool h2 = str_eq(b->proto, S("h2"));

	if (!b->proto.n)
		return;
	if (!h2 && !str_eq(b->proto, S("h1")))
		bad_proto(b->place, b->proto, "it is h1 or h2");
	else if (mode == MODE_TCP)
		bad_proto(b->place, b->proto, "the section is of mode tcp");
	else if (b->tls.alpn.n && lists(b->tls.alpn, S("h2")) != h2)
		bad_proto(b->place, b->proto, "alpn says another protocol");
}

/* One bind: address at <v>, then its options. False: it has no good address. */
static bool read_bind(struct model *m, struct scope *scope, const struct ast_value *v,
		      struct p_bind *b)
{
	const struct ast_value *tls = NULL;
	const struct word *word;
	bool bad = false;

	*b = (struct p_bind) { .backlog = -1,
			       .maxconn = -1,
			       .mode = -1,
			       .uid = -1,
			       .gid = -1,
			       .place = place_of(v->at) };
	if (!option_addr(m, scope, v, "bind", &b->addr) || !check_bind_addr(v, &b->addr))
		return false;
	for (v = v->next; v;) {
		if (option_tls_word(v, false)) {
			tls = tls ? tls : v;
			v = option_tls(m, scope, v, &b->tls, false, &bad);
			continue;
		}
		word = find_word(bind_words, sizeof(bind_words) / sizeof(*bind_words), v,
				 "option of bind");
		if (!word)
			return true;
		if (word->offset == offsetof(struct p_bind, interface) && v->next)
			check_interface(v->next, &b->addr);
		v = read_word(m, word, v, b);
	}
	if (!bad)
		option_tls_end(m, &b->tls, tls, false);
	return true;
}

/* pass CHECKPOINT */
static const struct ast_value *server_pass(struct model *m, const struct ast_value *v,
					   struct p_server *s)
{
	const struct entity *cp;

	if (!v->next) {
		diag(E054, v->at, "pass", "one checkpoint");
		return NULL;
	}
	if (text_refused(v->next, "names of checkpoints are fixed"))
		return NULL;
	cp = model_checkpoint(m, v->next->text, v->next->at);
	s->pass = cp ? cp->out : NULL;
	return v->next->next;
}

static void read_server_options(struct model *m, struct entity *e, const struct ast_value *v,
				struct p_server *s)
{
	const struct ast_value *tls = NULL;
	const struct word *word;
	bool bad = false;

	while (v) {
		if (option_tls_word(v, true)) {
			tls = tls ? tls : v;
			v = option_tls(m, &e->scope, v, &s->tls, true, &bad);
			continue;
		}
		if (str_eq(v->text, S("send-proxy")) || str_eq(v->text, S("send-proxy-v2"))) {
			s->send_proxy = v->text.n == 10 ? 1 : 2;
			v = v->next;
			continue;
		}
		if (str_eq(v->text, S("source"))) {
			v = option_source(m, e, v->next, &s->source);
			continue;
		}
		if (str_eq(v->text, S("pass"))) {
			v = server_pass(m, v, s);
			continue;
		}
		word = find_word(server_words, sizeof(server_words) / sizeof(*server_words), v,
				 "option of server");
		if (!word)
			return;
		v = read_word(m, word, v, s);
	}
	if (!bad)
		option_tls_end(m, &s->tls, tls, true);
	if (!str_eq(s->proto, S("h1")) && !str_eq(s->proto, S("h2")))
		bad_proto(s->place, s->proto, "it is h1 or h2");
}

static bool is_server_word(const struct ast_value *v)
{
	for (size_t i = 0; i < sizeof(server_words) / sizeof(*server_words); i++)
		if (str_eq(v->text, str_from(server_words[i].name)))
			return true;
	return str_eq(v->text, S("send-proxy")) || str_eq(v->text, S("send-proxy-v2")) ||
	       str_eq(v->text, S("source")) || str_eq(v->text, S("pass")) ||
	       option_tls_word(v, true);
}

/* server NAME [ADDRESS] options; NAME alone is the host, on the port that the client came to
 * (language.md 2). */
static bool read_server(struct model *m, struct entity *e, const struct ast_option *o,
			struct p_server *s)
{
	const struct ast_value *v = o->values;
	bool alone = v && (!v->next || (!v->next->delim && is_server_word(v->next)));

	*s = (struct p_server) { .weight = 1, .proto = S("h1"), .place = place_of(o->at) };
	if (!v) {
		diag(E054, o->at, "server", "a name and an address");
		return false;
	}
	s->name = v->text;
	if (!value_is_name(s->name)) {
		diag(E029, v->at, STR_ARG(s->name));
		return false;
	}
	if (!alone)
		v = v->next;
	if (!option_addr(m, &e->scope, v, "server", &s->addr))
		return false;
	if (alone ||
	    (s->addr.kind == ADDR_INET && !s->addr.text && !s->addr.port && !s->addr.port_offset))
		s->addr.port_offset = true; /* the client's port, plus 0 */
	if (s->addr.port_hi > s->addr.port)
		diag(E007, v->at, STR_ARG(v->text), "server", "a server has one port");
	read_server_options(m, e, v->next, s);
	return true;
}

static void binds_of(struct model *m, struct entity *e)
{
	const struct vec *list = &e->opts[OPT_BIND];
	const struct ast_value *header = e->kind == SEC_LISTEN ? e->ast->args : NULL;
	struct p_section *out = e->out;

	out->binds = ARENA_ARRAY(m->arena, struct p_bind, list->n + 1);
	if (header && read_bind(m, &e->scope, header, &out->binds[0]))
		out->nbinds++;
	else if (!header && e->ast->args)
		diag(E054, e->ast->args->at, kind_name(e->kind), "a name and nothing else");
	for (size_t i = 0; i < list->n; i++) {
		const struct ast_option *o = ((struct option_use *)list->p[i])->opt;

		if (!o->values)
			diag(E054, o->at, "bind", "an address, then options");
		else if (read_bind(m, &e->scope, o->values, &out->binds[out->nbinds]))
			out->binds[out->nbinds++].place = place_of(o->at);
	}
	for (uint32_t i = 0; i < out->nbinds; i++)
		check_bind_proto(&out->binds[i], out->front_mode);
}

static void servers_of(struct model *m, struct entity *e)
{
	const struct vec *list = &e->opts[OPT_SERVER];
	struct p_section *out = e->out;
	struct symbols names = { 0 };

	out->servers = ARENA_ARRAY(m->arena, struct p_server, list->n);
	for (size_t i = 0; i < list->n; i++) {
		const struct ast_option *o = ((struct option_use *)list->p[i])->opt;
		struct p_server *s = &out->servers[out->nservers];
		const struct ast_option *other;

		if (!read_server(m, e, o, s))
			continue;
		other = symbol_put(m->arena, &names, s->name, (void *)o);
		if (other != o) {
			diag(E005, o->values->at, STR_ARG(s->name));
			diag_note(other->at, "the first one is here");
			continue;
		}
		s->index = out->nservers++;
	}
}

void option_binds(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		binds_of(m, m->entities.p[i]);
		servers_of(m, m->entities.p[i]);
	}
}
