/* SPDX-License-Identifier: Apache-2.0 */
#include "uring.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/bug.h"
#include "buf.h"

/* Completions are posted by the owner's own calls only; one thread submits. */
#define SETUP                                                                                      \
	(IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |              \
	 IORING_SETUP_DEFER_TASKRUN)
#define NEEDED                                                                                     \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |                \
	 IORING_FEAT_EXT_ARG)
#define RETRIES 1000 /* of a submission for which the kernel has no memory */
#define LENT_FIRST 4

static int ring_register(const struct uring *r, unsigned what, void *arg, unsigned n)
{
	long ret = syscall(SYS_io_uring_register, r->fd, what, arg, n);

	return ret < 0 ? -errno : (int)ret;
}

/* Saves the kernel the look-up of the descriptor in each call. Not having it changes nothing. */
static void register_self(struct uring *r)
{
	struct io_uring_rsrc_update up = { .offset = UINT32_MAX, .data = (unsigned)r->fd };

	if (ring_register(r, IORING_REGISTER_RING_FDS, &up, 1) != 1)
		return;
	r->enter_fd = (int)up.offset;
	r->enter_flags = IORING_ENTER_REGISTERED_RING;
}

static int map_rings(struct uring *r, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	unsigned *array;
	char *at;

	r->map_len = sq > cq ? sq : cq;
	r->sqes_len = p->sq_entries * sizeof(struct io_uring_sqe);
	at = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		  (off_t)IORING_OFF_SQ_RING);
	if (at == MAP_FAILED)
		return -errno;
	r->map = at;
	r->sqes = mmap(NULL, r->sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		       (off_t)IORING_OFF_SQES);
	if (r->sqes == MAP_FAILED) {
		r->sqes = NULL;
		return -errno;
	}
	r->sq_head = (void *)(at + p->sq_off.head);
	r->sq_tail = (void *)(at + p->sq_off.tail);
	r->sq_flags = (void *)(at + p->sq_off.flags);
	r->cq_head = (void *)(at + p->cq_off.head);
	r->cq_tail = (void *)(at + p->cq_off.tail);
	r->cqes = (void *)(at + p->cq_off.cqes);
	r->sq_mask = p->sq_entries - 1;
	r->sq_entries = p->sq_entries;
	r->cq_mask = p->cq_entries - 1;
	array = (void *)(at + p->sq_off.array);
	for (unsigned i = 0; i < p->sq_entries; i++)
		array[i] = i;
	return 0;
}

int uring_open(struct uring *r, unsigned entries, unsigned completions)
{
	struct io_uring_params p = { .flags = SETUP, .cq_entries = completions };
	int err;

	*r = (struct uring) { .fd = -1 };
	r->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (r->fd < 0)
		return -errno;
	r->enter_fd = r->fd;
	err = (p.features & NEEDED) == NEEDED ? map_rings(r, &p) : -ENOSYS;
	if (err) {
		uring_close(r);
		return err;
	}
	register_self(r);
	return 0;
}

void uring_close(struct uring *r)
{
	if (r->sqes)
		munmap(r->sqes, r->sqes_len);
	if (r->map)
		munmap(r->map, r->map_len);
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct uring) { .fd = -1 };
}

unsigned uring_pending(const struct uring *r)
{
	return *r->sq_tail - __atomic_load_n(r->sq_head, __ATOMIC_ACQUIRE);
}

static int enter(struct uring *r, unsigned wait, unsigned flags,
		 const struct io_uring_getevents_arg *arg)
{
	long n;

	r->enters++;
	n = syscall(SYS_io_uring_enter, r->enter_fd, uring_pending(r), wait,
		    flags | r->enter_flags | (arg ? IORING_ENTER_EXT_ARG : 0), arg,
		    arg ? sizeof(*arg) : (size_t)_NSIG / 8);
	return n < 0 ? -errno : (int)n;
}

static void told(struct uring *r)
{
	if (r->submitted && !uring_pending(r))
		r->submitted();
}

void uring_enter(struct uring *r, unsigned wait, const struct __kernel_timespec *ts)
{
	struct io_uring_getevents_arg arg = { .sigmask_sz = _NSIG / 8,
					      .ts = (uint64_t)(uintptr_t)ts };
	int n = enter(r, wait, IORING_ENTER_GETEVENTS, ts ? &arg : NULL);

	BUG_ON(n < 0 && n != -EINTR && n != -ETIME && n != -EAGAIN && n != -EBUSY);
	told(r);
}

void uring_submit(struct uring *r)
{
	for (unsigned tries = 0; uring_pending(r); tries++) {
		int n = enter(r, 0, tries ? IORING_ENTER_GETEVENTS : 0, NULL);

		BUG_ON(tries == RETRIES);
		if (n < 0)
			sched_yield();
	}
	told(r);
}

void uring_room(struct uring *r, unsigned n)
{
	if (uring_pending(r) + n > r->sq_entries)
		uring_submit(r);
}

struct io_uring_sqe *uring_sqe(struct uring *r)
{
	struct io_uring_sqe *e;

	uring_room(r, 1);
	e = &r->sqes[*r->sq_tail & r->sq_mask];
	memset(e, 0, sizeof(*e));
	__atomic_store_n(r->sq_tail, *r->sq_tail + 1, __ATOMIC_RELEASE);
	return e;
}

const struct io_uring_cqe *uring_peek(const struct uring *r)
{
	unsigned head = *r->cq_head;

	if (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		return NULL;
	return &r->cqes[head & r->cq_mask];
}

void uring_seen(struct uring *r)
{
	__atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
}

static bool overflown(const struct uring *r)
{
	return __atomic_load_n(r->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_CQ_OVERFLOW;
}

bool uring_quiet(const struct uring *r)
{
	return !uring_peek(r) && !overflown(r);
}

bool uring_has_result(const struct uring *r, uint64_t user_data)
{
	unsigned tail = __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE);

	for (unsigned i = *r->cq_head; i != tail; i++) {
		const struct io_uring_cqe *c = &r->cqes[i & r->cq_mask];

		if (c->user_data == user_data && c->res != -ECANCELED && c->res != -ENOBUFS)
			return true;
	}
	return overflown(r);
}

int uring_cancel_sync(struct uring *r, uint64_t user_data)
{
	struct io_uring_sync_cancel_reg reg = { .addr = user_data,
						.fd = -1,
						.timeout = { .tv_nsec = 100000000 } };
	int n;

	uring_submit(r);
	n = ring_register(r, IORING_REGISTER_SYNC_CANCEL, &reg, 1);
	enter(r, 0, IORING_ENTER_GETEVENTS, NULL);
	return n < 0 ? n : 0;
}

/* Lent buffers. */

static int lent_register(struct uring *r, struct uring_lent *l)
{
	struct io_uring_buf_reg reg = { .ring_addr = (uint64_t)(uintptr_t)l->ring,
					.ring_entries = URING_LENT_MAX };

	l->tail = 0;
	l->ring->tail = 0;
	return ring_register(r, IORING_REGISTER_PBUF_RING, &reg, 1);
}

int uring_lent_open(struct uring *r, struct uring_lent *l, unsigned most)
{
	size_t len = URING_LENT_MAX * sizeof(struct io_uring_buf);
	int err;

	*l = (struct uring_lent) { .nfree = URING_LENT_MAX, .most = most };
	l->want = most < LENT_FIRST ? most : LENT_FIRST;
	for (unsigned i = 0; i < URING_LENT_MAX; i++)
		l->free[i] = (uint8_t)i;
	l->ring = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (l->ring == MAP_FAILED) {
		l->ring = NULL;
		return -errno;
	}
	err = lent_register(r, l);
	if (err < 0)
		uring_lent_close(l);
	return err;
}

static void give_all_back(struct uring_lent *l)
{
	for (unsigned i = 0; i < URING_LENT_MAX; i++) {
		if (!l->buf[i])
			continue;
		buf_put(&l->buf[i]);
		l->free[l->nfree++] = (uint8_t)i;
	}
}

void uring_lent_close(struct uring_lent *l)
{
	if (!l->ring)
		return;
	give_all_back(l);
	munmap(l->ring, URING_LENT_MAX * sizeof(struct io_uring_buf));
	l->ring = NULL;
}

void uring_lend(struct uring_lent *l)
{
	uint16_t tail = l->tail;

	while (uring_nlent(l) < l->want) {
		struct io_uring_buf *e = &l->ring->bufs[tail & (URING_LENT_MAX - 1)];
		struct buf *b = buf_get();
		uint8_t number;

		if (!b)
			break;
		number = l->free[--l->nfree];
		l->buf[number] = b;
		/* Field by field: the ring's tail lies in the first entry. */
		e->addr = (uint64_t)(uintptr_t)(b->data + b->off);
		e->len = BUF_ROOM;
		e->bid = number;
		tail++;
	}
	if (tail == l->tail)
		return;
	l->tail = tail;
	__atomic_store_n(&l->ring->tail, tail, __ATOMIC_RELEASE);
}

struct buf *uring_lent_take(struct uring_lent *l, unsigned number)
{
	struct buf *b;

	BUG_ON(number >= URING_LENT_MAX || !l->buf[number]);
	b = l->buf[number];
	l->buf[number] = NULL;
	l->free[l->nfree++] = (uint8_t)number;
	if (uring_nlent(l) < l->low)
		l->low = uring_nlent(l);
	if (!uring_nlent(l) && l->want < l->most)
		l->want = l->want * 2 < l->most ? l->want * 2 : l->most;
	return b;
}

bool uring_lent_trim(struct uring *r, struct uring_lent *l)
{
	struct io_uring_buf_reg none = { .bgid = 0 };
	unsigned spare = l->low;

	if (spare >= l->want)
		spare = l->want ? l->want - 1 : 0;
	if (spare && ring_register(r, IORING_UNREGISTER_PBUF_RING, &none, 1) >= 0) {
		l->want -= spare;
		give_all_back(l);
		BUG_ON(lent_register(r, l) < 0);
		uring_lend(l);
	}
	l->low = uring_nlent(l);
	return l->want > 1;
}

/* The probe: one byte through a multishot receive into a lent buffer, as poll_uring does it. */

static bool probe_byte(struct uring *r, const int fd[2], struct io_uring_buf_ring *ring, char *to)
{
	static const struct __kernel_timespec second = { .tv_sec = 1 };
	struct io_uring_sqe *e;
	const struct io_uring_cqe *c;

	ring->bufs[0].addr = (uint64_t)(uintptr_t)to;
	ring->bufs[0].len = 1;
	ring->bufs[0].bid = 0;
	__atomic_store_n(&ring->tail, 1, __ATOMIC_RELEASE);
	e = uring_sqe(r);
	e->opcode = IORING_OP_RECV;
	e->fd = fd[0];
	e->ioprio = IORING_RECV_MULTISHOT;
	e->flags = IOSQE_BUFFER_SELECT;
	e->user_data = 1;
	uring_submit(r);
	if (send(fd[1], "w", 1, MSG_NOSIGNAL) != 1)
		return false;
	uring_enter(r, 1, &second);
	c = uring_peek(r);
	return c && c->user_data == 1 && c->res == 1 && (c->flags & IORING_CQE_F_MORE) &&
	       *to == 'w';
}

static const char *probe_ring(struct uring *r)
{
	static char byte;
	struct uring_lent l = { .most = 0 };
	const char *why = "a multishot receive does not work";
	int fd[2];

	if (uring_lent_open(r, &l, 0) < 0)
		return "no ring of receive buffers can be registered";
	/* Non-blocking as all descriptors here: the receive has to wait all the same. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0) {
		if (probe_byte(r, fd, l.ring, &byte))
			why = uring_cancel_sync(r, 1) == 0 ? NULL : "a receive cannot be cancelled";
		close(fd[0]);
		close(fd[1]);
	}
	uring_lent_close(&l);
	return why;
}

const char *uring_probe(void)
{
	struct uring r;
	const char *why;
	int err = uring_open(&r, 4, 8);

	if (err < 0)
		return err == -EPERM || err == -EACCES    ? "the kernel does not permit it"
		       : err == -ENOSYS || err == -EINVAL ? "the kernel is older than Linux 6.1"
							  : strerror(-err);
	why = probe_ring(&r);
	uring_close(&r);
	return why;
}
