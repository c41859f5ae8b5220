/* SPDX-License-Identifier: Apache-2.0 */
/* Two transports on a connection: what the upper one seals is the plain text of the lower one. The
 * lower one may be such a pair itself. */
#include "transport_stack.h"

#include "../core/pool.h"
#include "conn_priv.h"

enum { LOWER, UPPER };

struct stack {
	const struct transport *t[2];
	void *ctx[2];
	enum transport_result opened[2]; /* what each said last */
	struct buf *mid; /* sealed by the upper one, not taken by the lower one yet */
	bool ended; /* the upper one has said its end */
};

static struct pool stack_pool;

void stack_init(void)
{
	pool_init(&stack_pool, "transport_stack", sizeof(struct stack));
}

static void open_upper(struct stack *s, struct conn *c, struct buf *in, struct buf **plain)
{
	s->opened[UPPER] = s->t[UPPER]->open(s->ctx[UPPER], c, in, plain);
}

static void open_lower(struct stack *s, struct conn *c, struct buf *in, struct buf **plain)
{
	struct buf *b = NULL;

	s->opened[LOWER] = s->t[LOWER]->open(s->ctx[LOWER], c, in, &b);
	if (b)
		open_upper(s, c, b, plain);
}

static bool goes_on(enum transport_result r)
{
	return r == TRANSPORT_MORE || r == TRANSPORT_WAIT;
}

/* The upper one is asked first: what the lower one has to say comes behind that. */
static enum transport_result stack_open(void *ctx, struct conn *c, struct buf *in,
					struct buf **plain)
{
	struct stack *s = ctx;

	if (in && c->extra->above)
		open_upper(s, c, in, plain);
	else if (in)
		open_lower(s, c, in, plain);
	else if (goes_on(s->opened[UPPER]))
		open_upper(s, c, NULL, plain);
	else if (goes_on(s->opened[LOWER]))
		open_lower(s, c, NULL, plain);
	if (s->mid)
		conn_wants_send(c);
	if (s->opened[UPPER] != TRANSPORT_OK)
		return s->opened[UPPER];
	/* Its end without that of the upper one: nobody knows whether all is there. */
	return s->opened[LOWER] == TRANSPORT_END ? TRANSPORT_FAILED : s->opened[LOWER];
}

/* A place for the upper one. False: memory is out. */
static bool mid_get(struct stack *s)
{
	s->mid = buf_get();
	if (!s->mid)
		s->mid = buf_get_reserved();
	return s->mid != NULL;
}

/* The lower one seals what the upper one has made, and says what it has to say. OK: all is
 * taken. */
static enum transport_result lower(struct stack *s, struct conn *c, struct buf *out)
{
	enum transport_result r;
	size_t n;

	do {
		struct str in = s->mid ? str_of(s->mid->data + s->mid->off, s->mid->len) : S("");

		n = 0;
		r = s->t[LOWER]->seal(s->ctx[LOWER], c, in, &n, out);
		if (!n)
			continue;
		s->mid->off += (uint32_t)n;
		s->mid->len -= (uint32_t)n;
		if (!s->mid->len)
			buf_put(&s->mid);
	} while (r == TRANSPORT_OK && n && s->mid);
	return r == TRANSPORT_OK && s->mid ? TRANSPORT_MORE : r;
}

static enum transport_result stack_seal(void *ctx, struct conn *c, struct str in, size_t *taken,
					struct buf *out)
{
	struct stack *s = ctx;
	enum transport_result r;
	bool made;
	size_t n;

	do {
		r = lower(s, c, out);
		if (r != TRANSPORT_OK)
			return r;
		if (!mid_get(s))
			return TRANSPORT_FAILED;
		n = 0;
		r = s->t[UPPER]->seal(s->ctx[UPPER], c, in, &n, s->mid);
		in.p += n;
		in.n -= n;
		*taken += n;
		made = s->mid->len;
		if (!made)
			buf_put(&s->mid);
	} while (made && (r == TRANSPORT_OK || r == TRANSPORT_MORE));
	if (made) /* the last it can say for now */
		lower(s, c, out);
	return r;
}

static enum transport_result stack_shut(void *ctx, struct conn *c, struct buf *out)
{
	struct stack *s = ctx;
	enum transport_result r;

	if (!s->ended) {
		if (!s->mid && !mid_get(s))
			return TRANSPORT_END;
		r = s->t[UPPER]->shut(s->ctx[UPPER], c, s->mid);
		s->ended = !goes_on(r);
		if (!s->mid->len)
			buf_put(&s->mid);
		if (!s->ended) {
			lower(s, c, out);
			return r;
		}
	}
	r = lower(s, c, out);
	if (r != TRANSPORT_OK)
		return r;
	r = s->t[LOWER]->shut(s->ctx[LOWER], c, out);
	return r == TRANSPORT_END && out->len ? TRANSPORT_OK : r;
}

static void stack_free(void *ctx, struct conn *c)
{
	struct stack *s = ctx;

	for (int i = UPPER; i >= LOWER; i--)
		s->t[i]->free(s->ctx[i], c);
	if (s->mid)
		buf_put(&s->mid);
	pool_put(&stack_pool, s);
}

static bool stack_at_rest(const void *ctx)
{
	const struct stack *s = ctx;

	for (int i = LOWER; i <= UPPER; i++)
		if (s->opened[i] != TRANSPORT_OK || !s->t[i]->at_rest ||
		    !s->t[i]->at_rest(s->ctx[i]))
			return false;
	return !s->mid && !s->ended;
}

static const struct transport stack = { "stack",    stack_open, stack_seal,
					stack_shut, stack_free, stack_at_rest };

bool stack_put(struct conn *c, const struct transport *t, void *ctx)
{
	struct conn_extra *x = c->extra;
	struct stack *s = pool_get_zero(&stack_pool);

	if (!s)
		return false;
	s->t[LOWER] = x->transport;
	s->ctx[LOWER] = x->transport_ctx;
	s->opened[LOWER] = x->reopen; /* 0 is OK */
	s->t[UPPER] = t;
	s->ctx[UPPER] = ctx;
	x->transport = &stack;
	x->transport_ctx = s;
	return true;
}

void *stack_find(const struct conn *c, const struct transport *t)
{
	const struct transport *at = c->extra->transport;
	void *ctx = c->extra->transport_ctx;

	while (at == &stack) {
		const struct stack *s = ctx;

		if (s->t[UPPER] == t)
			return s->ctx[UPPER];
		at = s->t[LOWER];
		ctx = s->ctx[LOWER];
	}
	return at == t ? ctx : NULL;
}
