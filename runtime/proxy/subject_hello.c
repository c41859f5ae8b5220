/* SPDX-License-Identifier: Apache-2.0 */
/* hello(sni) and hello(alpn): what a TLS client says first, in tcp mode, where it passes through. */
#include "../net/hello.h"
#include "rule.h"

/* Where the hello of the exchange that asks is joined. Values point in here until the next exchange
 * asks: each time that one exchange asks the bytes are the same. */
static _Thread_local char joined[HELLO_MAX];

static bool hello_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		       struct val *v)
{
	struct str sni, alpn, name;
	size_t n;

	if (!r->x || hello_join(slice_str(&r->x->held), joined, &n) != HELLO_WHOLE ||
	    !hello_read(str_of(joined, n), &sni, &alpn))
		return false;
	if (str_eq(ws_str(s->name), S("sni"))) {
		v->s = sni;
		return sni.p && f->at++ == 0;
	}
	for (uint32_t i = 0; alpn.n; i++) {
		name = hello_protocol(&alpn);
		if (i == f->at) {
			f->at++;
			v->s = name;
			return true;
		}
	}
	return false;
}

static bool more(struct str bytes)
{
	size_t n;

	return hello_join(bytes, NULL, &n) == HELLO_MORE;
}

const struct subject_part subject_HELLO = { "hello", hello_next };
const struct preread_part preread_hello = { "hello", more };
