/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request enters, and what its text says before any rule runs. */
#include "interp_machine.h"

#include "../runtime/base/uri.h"

/* RFC 9112 3.2: one Host, valid; that of an absolute target takes its place (3.2.2). */
static const char *take_host(struct machine *m, const struct uri *u)
{
	struct str host = header_first(&m->req.headers, S("host"));
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->req.headers.n; i++)
		n += str_ieq(m->req.headers.at[i].name, S("host"));
	if (n > 1)
		return "more than one Host";
	if (n == 0 && str_eq(m->req.version, S("1.1")))
		return "an HTTP/1.1 request without Host";
	if (u->authority.n)
		host = u->authority;
	if (!host.p || (host.n == 0 && n == 1))
		return NULL;
	return message_set_host(m, host) ? NULL : "a Host that is no host name";
}

const char *start_request(struct machine *m)
{
	const struct request_spec *r = m->spec;
	struct uri u;

	m->req = (struct interp_message) { .meth = r->meth,
					   .uri = r->target,
					   .version = r->version };
	for (uint32_t i = 0; i < r->headers.n; i++)
		fields_add(m->a, &m->req.headers, r->headers.at[i].name, r->headers.at[i].value);
	if (!uri_split(r->meth, r->target, &u))
		return "a request target that is not valid";
	if (!message_set_uri(m, r->target))
		return "a path that cannot be normalised (.. above the root, %00 or a bad %)";
	m->path_edited = false;
	return take_host(m, &u);
}

static bool bind_fits(const struct request_spec *r, const struct p_section *s,
		      const struct p_bind *b)
{
	if (r->bind.n)
		return str_eq(r->bind, s->name) || str_eq(r->bind, b->name);
	return !r->has_dst || (b->addr.port <= r->dst_port &&
			       r->dst_port <= (b->addr.port_hi ? b->addr.port_hi : b->addr.port));
}

/* The bind that was named, or has the destination port; else the first. */
void start_entry(struct machine *m)
{
	struct outcome *o = m->out;

	for (uint32_t i = 0; i < m->p->nsections && !o->bind; i++) {
		const struct p_section *s = m->p->sections[i];

		if (s->kind != SEC_FRONTEND && s->kind != SEC_LISTEN)
			continue;
		if (!o->entry && (!m->spec->bind.n || str_eq(m->spec->bind, s->name)))
			o->entry = s;
		for (uint32_t k = 0; k < s->nbinds && !o->bind; k++)
			if (bind_fits(m->spec, s, &s->binds[k]))
				o->bind = &s->binds[k];
		if (o->bind)
			o->entry = s;
	}
	if (!o->bind && o->entry && o->entry->nbinds)
		o->bind = &o->entry->binds[0];
}
