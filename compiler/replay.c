/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>

#include "show.h"

/* A request whose result is known. */
struct seen {
	uint64_t hash;
	struct str key; /* malloc'd; p NULL: none */
	struct replay_group *group; /* MOVED */
	struct replay_reason *reason; /* OPEN */
	enum replay_result result;
	bool astray;
};

struct replaying {
	struct replay *r;
	struct arena run; /* of one line */
	struct replay_sites sites;
	struct seen *seen;
	bool sources; /* a rule reads the client's address, or its port */
};

/* ---- outcomes ---- */

static struct str location(const struct outcome *o)
{
	for (uint32_t i = 0; i < o->answer.headers.n; i++)
		if (str_ieq(o->answer.headers.at[i].name, S("location")))
			return o->answer.headers.at[i].value;
	return (struct str) { 0 };
}

bool replay_same(const struct outcome *x, const struct outcome *y)
{
	if (x->verdict != y->verdict || x->forwarded != y->forwarded)
		return false;
	if (x->forwarded && (!str_eq(x->backend->name, y->backend->name) ||
			     !str_eq(x->request.uri, y->request.uri)))
		return false;
	if (!x->answer.made)
		return x->answer.made == y->answer.made && x->answer.present == y->answer.present;
	return x->answer.present == y->answer.present && x->answer.status == y->answer.status &&
	       str_eq(location(x), location(y));
}

static struct str outcome_text(struct arena *a, const struct outcome *o, bool uri)
{
	struct str to = location(o);

	if (!o->entry)
		return S("no section gets it");
	if (o->forwarded && !(o->answer.made && o->verdict != VERDICT_FORWARD))
		return uri ? arena_printf(a, "backend %.*s, %.*s", STR_ARG(o->backend->name),
					  STR_ARG(o->request.uri))
			   : arena_printf(a, "backend %.*s", STR_ARG(o->backend->name));
	if (!o->answer.present)
		return str_from(verdict_names[o->verdict]);
	if (o->verdict == VERDICT_ERROR && o->why.n)
		return arena_printf(a, "error %u: %.*s", o->answer.status, STR_ARG(o->why));
	if (to.p)
		return arena_printf(a, "%s %u %.*s", verdict_names[o->verdict], o->answer.status,
				    STR_ARG(to));
	return arena_printf(a, "%s %u", verdict_names[o->verdict], o->answer.status);
}

static bool same_backend(const struct outcome *x, const struct outcome *y)
{
	return x->forwarded && y->forwarded && str_eq(x->backend->name, y->backend->name);
}

/* ---- groups and reasons ---- */

static struct str rule_text(struct arena *a, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	show_rule(b.out, r);
	return show_close(&b, a);
}

static struct str example_of(struct arena *a, const struct logged *l)
{
	struct str host = { 0 }, src = address_text(a, &l->request.src);

	for (uint32_t i = 0; i < l->request.headers.n; i++)
		if (l->known.host && str_ieq(l->request.headers.at[i].name, S("host")))
			host = l->request.headers.at[i].value;
	return arena_printf(a, "%.*s %.*s%s%.*s%s%.*s", STR_ARG(l->request.meth),
			    STR_ARG(l->request.target), host.p ? "   Host: " : "", STR_ARG(host),
			    l->known.src ? "   from " : "", STR_ARG(l->known.src ? src : host));
}

/* The first rule that matched in <x>, and in <y> none of the same text. */
static const struct p_rule *only_in(struct arena *a, const struct outcome *x,
				    const struct outcome *y)
{
	struct symbols ran = { 0 };

	for (uint32_t i = 0; i < y->nrules; i++)
		if (y->rules[i].matched)
			symbol_put(a, &ran, rule_text(a, y->rules[i].rule), a);
	for (uint32_t i = 0; i < x->nrules; i++)
		if (x->rules[i].matched && !symbol_get(&ran, rule_text(a, x->rules[i].rule)))
			return x->rules[i].rule;
	return NULL;
}

static struct replay_group *group_of(struct replaying *k, const struct logged *l,
				     const struct outcome *x, const struct outcome *y)
{
	struct replay *r = k->r;
	bool uris = same_backend(x, y);
	struct str was = outcome_text(&k->run, x, uris), is = outcome_text(&k->run, y, uris), key;
	const struct p_rule *wrote[2] = { NULL, NULL };
	struct replay_group *g;

	if (uris) {
		wrote[0] = only_in(&k->run, x, y);
		wrote[1] = only_in(&k->run, y, x);
	}
	/* of computed targets and edited paths, one example stands for all */
	if (x->forwarded || (x->decided && location(x).p))
		key = arena_printf(&k->run, "%p %p %d %d", (const void *)x->decided,
				   (const void *)y->decided, x->forwarded, y->forwarded);
	else
		key = arena_printf(&k->run, "%p %p %.*s|%.*s", (const void *)x->decided,
				   (const void *)y->decided, STR_ARG(was), STR_ARG(is));
	if (!uris && x->forwarded)
		key = arena_printf(&k->run, "%.*s %.*s", STR_ARG(key), STR_ARG(was));
	if (uris)
		key = arena_printf(&k->run, "%.*s %p %p", STR_ARG(key), (const void *)wrote[0],
				   (const void *)wrote[1]);
	g = symbol_get(&r->groups, key);
	if (g)
		return g;
	if (r->groups.n >= REPLAY_GROUPS_MAX) {
		r->full = true;
		return r->groups.all[0]->object;
	}
	g = ARENA_NEW(r->a, struct replay_group);
	*g = (struct replay_group) { .old = x->decided,
				     .new = y->decided,
				     .wrote = { wrote[0], wrote[1] },
				     .was = arena_str(r->a, was),
				     .is = arena_str(r->a, is),
				     .line = r->lines,
				     .example = arena_str(r->a, example_of(&k->run, l)) };
	symbol_put(r->a, &r->groups, arena_str(r->a, key), g);
	return g;
}

static struct replay_reason *reason_of(struct replaying *k, const struct replay_verdict *v)
{
	struct str what = v->credentials ? S("the client's credentials") : S("too much");
	struct replay_reason *n;
	struct show_buffer b;

	if (v->missing) {
		show_open(&b);
		show_subject(b.out, v->missing);
		what = show_close(&b, &k->run);
	}
	n = symbol_get(&k->r->reasons, what);
	if (n)
		return n;
	n = ARENA_NEW(k->r->a, struct replay_reason);
	n->what = arena_str(k->r->a, what);
	symbol_put(k->r->a, &k->r->reasons, n->what, n);
	return n;
}

/* ---- one request ---- */

static bool has_entry(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (str_eq(p->sections[i]->name, name))
			return true;
	return false;
}

static void judge(struct replaying *k, struct logged *l, struct seen *out)
{
	struct replay_verdict v;

	if (!has_entry(k->r->old, l->request.bind) || !has_entry(k->r->new, l->request.bind))
		l->request.bind = S("");
	replay_judge(&k->sites, &k->run, l, &v);
	out->result = v.result;
	out->astray = v.astray;
	if (v.result == REPLAY_MOVED)
		out->group = group_of(k, l, v.old, v.new);
	else if (v.result == REPLAY_OPEN)
		out->reason = reason_of(k, &v);
}

/* Everything that the result rests on. */
static struct str key_of_request(struct replaying *k, const struct logged *l)
{
	struct arena *a = &k->run;
	struct textbuf b = { 0 };
	const struct request_spec *q = &l->request;

	textbuf_put(a, &b,
		    arena_printf(a, "%d%d%d %u %d %.*s %.*s %.*s %.*s", l->known.host, l->known.dst,
				 l->forwarded, l->status, q->tls, STR_ARG(q->bind),
				 STR_ARG(q->meth), STR_ARG(q->version), STR_ARG(q->target)));
	for (uint32_t i = 0; i < q->headers.n; i++)
		textbuf_put(a, &b,
			    arena_printf(a, "\n%.*s:%.*s", STR_ARG(q->headers.at[i].name),
					 STR_ARG(q->headers.at[i].value)));
	textbuf_put(a, &b,
		    arena_printf(a, "\n%u %u %d %.*s\n", l->known.nheaders, q->dst_port, l->ends,
				 STR_ARG(l->backend)));
	textbuf_put(a, &b, str_of((const char *)q->dst.addr, 16));
	if (k->sources) {
		textbuf_put(a, &b, arena_printf(a, "%u", q->src_port));
		textbuf_put(a, &b, str_of((const char *)q->src.addr, 16));
	}
	return textbuf_str(&b);
}

static uint64_t hash_of(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static void take_request(struct replaying *k, struct logged *l)
{
	struct replay *r = k->r;
	struct str key = key_of_request(k, l);
	uint64_t hash = hash_of(key);
	struct seen *s = &k->seen[hash % REPLAY_KNOWN];

	if (!s->key.p || s->hash != hash || !str_eq(s->key, key)) {
		char *p = realloc((char *)(uintptr_t)s->key.p, key.n + 1);

		if (!p) {
			fputs("weir: out of memory\n", stderr);
			exit(1);
		}
		memcpy(p, key.p, key.n);
		*s = (struct seen) { .hash = hash, .key = str_of(p, key.n) };
		judge(k, l, s);
	}
	r->requests++;
	r->same += s->result == REPLAY_SAME;
	r->moved += s->result == REPLAY_MOVED;
	r->open += s->result == REPLAY_OPEN;
	if (s->group)
		s->group->n++;
	if (s->reason)
		s->reason->n++;
	r->astray += s->astray;
}

static void take_line(struct replaying *k, struct str line)
{
	struct logged l;

	k->r->lines++;
	switch (logged_read(&k->run, line, &l)) {
	case LOGGED_REQUEST:
		take_request(k, &l);
		break;
	case LOGGED_OTHER:
		k->r->others++;
		break;
	case LOGGED_NOT:
		k->r->unread += str_trim(line).n > 0;
		break;
	}
}

/* ---- the log ---- */

static const char *read_log(struct replaying *k, FILE *log)
{
	char *line = malloc(REPLAY_LINE_MAX + 2);
	struct arena_mark start;
	const char *why = NULL;

	if (!line)
		return "there is no memory";
	arena_get(&k->run, 1);
	start = arena_mark(&k->run);
	while (fgets(line, REPLAY_LINE_MAX + 2, log)) {
		size_t n = strlen(line);
		bool whole = n && line[n - 1] == '\n';
		int c = 0;

		if (!whole && n > REPLAY_LINE_MAX) { /* the rest of it */
			while ((c = getc(log)) != EOF && c != '\n')
				;
			k->r->lines++;
			k->r->unread++;
			continue;
		}
		take_line(k, str_of(line, n - whole));
		arena_rewind(&k->run, start);
	}
	if (ferror(log))
		why = strerror(errno);
	free(line);
	return why;
}

static bool reads_source(const struct program *p)
{
	for (uint32_t i = 0; i < p->nsubjects; i++)
		if (p->subjects[i]->id == SUBJ_SRC || p->subjects[i]->id == SUBJ_SRC_PORT)
			return true;
	return false;
}

static const char *run(struct replay *r, struct arena *a, const struct program *old,
		       const struct program *new, FILE *log)
{
	struct replaying k = { .r = r, .sources = reads_source(old) || reads_source(new) };
	const char *why;

	*r = (struct replay) { .a = a, .old = old, .new = new };
	k.sites = (struct replay_sites) { .p = { old, new }, .a = a };
	k.sites.codes[0] = ARENA_ARRAY(a, void *, old->nregexes + 1);
	k.sites.codes[1] = ARENA_ARRAY(a, void *, new->nregexes + 1);
	k.seen = ARENA_ARRAY(a, struct seen, REPLAY_KNOWN);
	why = read_log(&k, log);
	interp_codes_free(k.sites.codes[0], old->nregexes);
	interp_codes_free(k.sites.codes[1], new->nregexes);
	for (uint32_t i = 0; i < REPLAY_KNOWN; i++)
		free((char *)(uintptr_t)k.seen[i].key.p);
	arena_free(&k.run);
	return why;
}

const char *replay_file(struct replay *r, struct arena *a, const struct program *old,
			const struct program *new, const char *log)
{
	FILE *in = strcmp(log, "-") == 0 ? stdin : fopen(log, "re");
	const char *why = in ? run(r, a, old, new, in) : strerror(errno);

	if (in && in != stdin)
		fclose(in);
	return why;
}
