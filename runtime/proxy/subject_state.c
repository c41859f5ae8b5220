/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects of the connection and of the site's state. */
#include <time.h>

#include "rule.h"

struct addr rule_src(const struct rule_run *r)
{
	return r->x ? r->x->src : r->src;
}

struct addr rule_dst(struct rule_run *r)
{
	return r->x ? *exchange_dst(r->x) : r->dst;
}

static bool once(struct fetch *f)
{
	if (f->begun)
		return false;
	f->begun = true;
	return true;
}

static bool src_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	(void)s;
	v->ip = rule_src(r);
	return v->ip.kind == AK_INET && once(f);
}

static bool src_port_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			  struct val *v)
{
	struct addr src = rule_src(r);

	(void)s;
	v->num = src.port;
	return src.kind == AK_INET && once(f);
}

static bool dst_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	(void)s;
	v->ip = rule_dst(r);
	return v->ip.kind == AK_INET && once(f);
}

static bool dst_port_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			  struct val *v)
{
	struct addr dst = rule_dst(r);

	(void)s;
	v->num = dst.port;
	return dst.kind == AK_INET && once(f);
}

static bool var_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	v->s = rule_kept(*r->vars, (uint32_t)s->num);
	return v->s.p && once(f);
}

static bool capture_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			 struct val *v)
{
	if (!r->x)
		return false;
	v->s = rule_kept(r->x->captures, (uint32_t)s->num);
	return v->s.p && once(f);
}

static bool conns_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		       struct val *v)
{
	const struct front *fe = site.fronts[s->num];

	(void)r;
	v->num = fe ? atomic_load_explicit(&fe->limit.cur, memory_order_relaxed) : 0;
	return once(f);
}

/* Servers that are neither disabled nor down. */
static bool nbsrv_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		       struct val *v)
{
	const struct back *be = site.backs[s->num];

	(void)r;
	for (uint32_t i = 0; be && i < be->owner->nservers; i++)
		v->num += !atomic_load_explicit(&be->owner->servers[i].off, memory_order_relaxed);
	return once(f);
}

static bool random_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			struct val *v)
{
	(void)r;
	v->num = s->num > 0 ? (int64_t)(thread_random() % (uint64_t)s->num) : 0;
	return once(f);
}

#define DATE_MAX 256

static bool date_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	char *at = f->begun ? NULL : rule_scratch(DATE_MAX);
	struct str format = ws_str(s->name);
	char z[DATE_MAX];
	struct tm tm;

	(void)r;
	if (!at || format.n >= sizeof(z))
		return false;
	memcpy(z, format.p, format.n);
	z[format.n] = 0;
	gmtime_r(&now, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	v->s = str_of(at, strftime(at, DATE_MAX, z, &tm));
#pragma GCC diagnostic pop
	return once(f);
}

const struct subject_part subject_SRC = { "src", src_next };
const struct subject_part subject_SRC_PORT = { "src_port", src_port_next };
const struct subject_part subject_DST = { "dst", dst_next };
const struct subject_part subject_DST_PORT = { "dst_port", dst_port_next };
const struct subject_part subject_VAR = { "var", var_next };
const struct subject_part subject_CAPTURE = { "capture", capture_next };
const struct subject_part subject_CONNS = { "conns", conns_next };
const struct subject_part subject_NBSRV = { "nbsrv", nbsrv_next };
const struct subject_part subject_RANDOM = { "random", random_next };
const struct subject_part subject_DATE = { "date", date_next };
