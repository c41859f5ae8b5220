/* SPDX-License-Identifier: Apache-2.0 */
/* The action auth: HTTP basic credentials (RFC 7617) against a file of users that is read at start.
 * The hashes are those of crypt(3); the slow ones are slow on purpose, and are computed on the
 * thread of the client. So what was found good is remembered by each thread, and the time that one
 * thread gives to computing hashes is bounded: beyond it the answer is 503, and who is remembered
 * goes on being served. */
#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "rule.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)
#define LINE_BYTES_MAX 512
#define CREDENTIAL_MAX 255 /* bytes of NAME:PASSWORD */
#define REMEMBERED 512 /* credentials, each thread; 16 bytes each */
/* Of each second a thread gives a quarter to hashes; what it did not use is saved up to this. */
#define SHARE 4
#define SAVED_US_MAX 1000000

struct user {
	struct str name, hash; /* <hash> ends with NUL */
};

struct users {
	struct str path;
	uint32_t n, buckets;
	struct user *list;
	uint32_t *first, *next; /* by hash of the name: 1 + row, 0: none */
	struct users *other; /* files of other rules */
};

static struct users **by_action; /* by row of action_rows */
static struct users *files;
static uint64_t keys[4]; /* of the fingerprints, random */

struct fingerprint {
	uint64_t a, b;
};

static _Thread_local struct fingerprint remembered[REMEMBERED];
static _Thread_local int64_t saved_us; /* below 0: a hash took longer than there was time for */
static _Thread_local uint64_t saved_at;
static _Thread_local struct crypt_data *work;

/* -- fingerprints -------------------------------------------------------------------------------
 */

static uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 (Aumasson and Bernstein): without the key nobody can make another text with the same
 * value. */
static uint64_t siphash(const uint64_t key[2], struct str s)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	uint64_t word = 0, last = (uint64_t)s.n << 56;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	for (unsigned shift = 0; i < s.n; i++, shift += 8)
		last |= (uint64_t)(unsigned char)s.p[i] << shift;
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int k = 0; k < 4; k++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct fingerprint fingerprint(const struct users *u, struct str credential)
{
	struct fingerprint f = { siphash(keys, credential), siphash(keys + 2, credential) };

	f.a ^= (uint64_t)(uintptr_t)u; /* good for this file alone */
	return f;
}

/* -- the file -----------------------------------------------------------------------------------
 */

static uint32_t bucket(const struct users *u, struct str name)
{
	return (uint32_t)(siphash(keys, name) % u->buckets);
}

static const struct user *find(const struct users *u, struct str name)
{
	for (uint32_t row = u->first[bucket(u, name)]; row; row = u->next[row - 1])
		if (str_eq(u->list[row - 1].name, name))
			return &u->list[row - 1];
	return NULL;
}

/* Forms of crypt(3) that are fit for passwords. */
static bool hash_known(struct str hash)
{
	static const struct str forms[] = { { "$y$", 3 },  { "$gy$", 4 }, { "$2b$", 4 },
					    { "$2y$", 4 }, { "$2a$", 4 }, { "$6$", 3 },
					    { "$5$", 3 },  { "$7$", 3 } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (str_starts(hash, forms[i]))
			return true;
	return false;
}

static const char *add_user(struct users *u, struct str line)
{
	struct str name = str_cut(&line, ':'), hash = line;
	struct user *user = &u->list[u->n];
	char *z;
	int salt;

	if (!line.p || !name.n)
		return "NAME:HASH is expected";
	if (line.n > LINE_BYTES_MAX || name.n >= CREDENTIAL_MAX)
		return "the line is too long";
	if (!hash_known(hash))
		return "this form of hash is not taken; it is yescrypt ($y$), bcrypt ($2b$), "
		       "sha512 ($6$), sha256 ($5$) or scrypt ($7$)";
	if (u->n && find(u, name))
		return "this name stands here twice";
	z = conf_alloc(hash.n + 1);
	memcpy(z, hash.p, hash.n);
	salt = crypt_checksalt(z);
	if (salt == CRYPT_SALT_INVALID || salt == CRYPT_SALT_METHOD_DISABLED)
		return "this machine's libcrypt does not take this hash";
	user->name = name;
	user->hash = str_of(z, hash.n);
	u->next[u->n] = u->first[bucket(u, name)];
	u->first[bucket(u, name)] = ++u->n;
	return NULL;
}

/* Memory of the conf's arena; NULL and errno. */
static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *bytes = NULL;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		errno = EINVAL;
	} else if ((size_t)st.st_size > FILE_BYTES_MAX) {
		errno = EFBIG;
	} else {
		bytes = conf_alloc((size_t)st.st_size + 1);
		*n = fread(bytes, 1, (size_t)st.st_size, f);
	}
	fclose(f);
	return bytes;
}

static bool read_users(struct users *u, FILE *err)
{
	struct str text, line;
	uint32_t lines = 1, number = 0;
	const char *why;
	size_t n = 0;
	char *bytes = read_all(u->path.p, &n);
	bool good = true;

	if (!bytes) {
		fprintf(err, "users '%s': %s\n", u->path.p, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < n; i++)
		lines += bytes[i] == '\n';
	u->buckets = lines;
	u->list = conf_alloc(lines * sizeof(*u->list));
	u->first = conf_alloc(lines * sizeof(*u->first));
	u->next = conf_alloc(lines * sizeof(*u->next));
	for (text = str_of(bytes, n); text.p && text.n;) {
		line = str_trim(str_cut(&text, '\n'));
		number++;
		if (!line.n || line.p[0] == '#')
			continue;
		why = add_user(u, line);
		if (why)
			fprintf(err, "%s:%u: %s\n", u->path.p, number, why);
		good = good && !why;
	}
	if (good && !u->n)
		fprintf(err, "users '%s': there is no user in it\n", u->path.p);
	return good && u->n;
}

static struct users *users_of(struct str path, FILE *err, bool *good)
{
	struct users *u;

	for (u = files; u; u = u->other)
		if (str_eq(u->path, path))
			return u;
	u = conf_alloc(sizeof(*u));
	u->path = path;
	u->other = files;
	files = u;
	*good = read_users(u, err) && *good;
	return u;
}

/* A copy that ends with NUL. */
static struct str ended(struct str s)
{
	char *z = conf_alloc(s.n + 1);

	memcpy(z, s.p, s.n);
	return str_of(z, s.n);
}

static bool load(FILE *err)
{
	uint32_t most = 0;
	bool good = true;

	files = NULL;
	if (getrandom(keys, sizeof(keys), 0) != (ssize_t)sizeof(keys)) {
		fputs("users: no random numbers\n", err);
		return false;
	}
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < site.ws->nrules; i++) {
			struct ws_run run = site.ws->rules[i].actions;

			for (uint32_t k = run.first; k < run.first + run.n; k++) {
				const struct ws_action *a = &site.ws->action_rows[k];

				if (site.ws->actions[a->fn] != &action_AUTH)
					continue;
				most = k > most ? k : most;
				if (pass)
					by_action[k] =
						users_of(ended(conf_text(a->text)), err, &good);
			}
		}
		if (!pass)
			by_action = conf_alloc((most + 1) * sizeof(struct users *));
	}
	return good;
}

/* -- checking -----------------------------------------------------------------------------------
 */

/* base64 (RFC 4648 4) without blanks; the number of bytes, 0: it is none. */
static size_t decode(struct str in, char *out, size_t room)
{
	uint32_t bits = 0, have = 0;
	size_t n = 0;

	while (in.n && in.p[in.n - 1] == '=')
		in.n--;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		int v = c >= 'A' && c <= 'Z'   ? c - 'A'
			: c >= 'a' && c <= 'z' ? c - 'a' + 26
			: c >= '0' && c <= '9' ? c - '0' + 52
			: c == '+'             ? 62
			: c == '/'             ? 63
					       : -1;

		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == room)
			return 0;
		out[n++] = (char)(bits >> have);
	}
	return n;
}

/* Takes the same time wherever the first difference is. */
static bool same(const char *a, struct str b)
{
	size_t n = strlen(a);
	unsigned char diff = n != b.n;

	for (size_t i = 0; i < n && i < b.n; i++)
		diff |= (unsigned char)(a[i] ^ b.p[i]);
	return !diff;
}

/* Of an unknown name the hash of another is computed: it takes as long. */
static bool matches(const struct users *u, struct str name, const char *password)
{
	const struct user *user = find(u, name), *of = user ? user : &u->list[0];
	const char *got = crypt_rn(password, of->hash.p, work, (int)sizeof(*work));

	return got && same(got, of->hash) && user;
}

enum verdict { GOOD, BAD, BUSY };

/* <text>: NAME:PASSWORD and NUL. */
static enum verdict compute(const struct users *u, struct str text)
{
	struct str password = text, name = str_cut(&password, ':');
	uint64_t now = clock_now_us();
	bool good;

	saved_us += saved_at ? (int64_t)(now - saved_at) / SHARE : SAVED_US_MAX;
	saved_us = saved_us > SAVED_US_MAX ? SAVED_US_MAX : saved_us;
	saved_at = now;
	if (saved_us <= 0)
		return BUSY;
	if (!work)
		work = calloc(1, sizeof(*work));
	if (!work)
		return BUSY;
	good = password.p && matches(u, name, password.p);
	saved_us -= (int64_t)(clock_now_us() - now);
	return good ? GOOD : BAD;
}

static enum verdict check(const struct users *u, struct str header)
{
	char text[CREDENTIAL_MAX + 1];
	struct fingerprint f, *slot;
	enum verdict v;
	size_t n;

	if (!str_istarts(header, S("basic ")))
		return BAD;
	n = decode(str_trim(str_skip(header, 6)), text, CREDENTIAL_MAX);
	if (!n || memchr(text, 0, n) || !memchr(text, ':', n))
		return BAD;
	text[n] = 0;
	f = fingerprint(u, str_of(text, n));
	slot = &remembered[f.b % REMEMBERED];
	if (slot->a == f.a && slot->b == f.b)
		return GOOD;
	v = compute(u, str_of(text, n));
	if (v == GOOD)
		*slot = f;
	explicit_bzero(text, sizeof(text));
	return v;
}

static enum act_result auth_run(struct rule_run *r, const struct ws_action *a)
{
	struct msg *m = rule_request(r, false);
	enum field_id id = field_lookup(S("authorization"));
	uint32_t at = msg_find(m, MSG_END, id, S("authorization"));
	enum verdict v = BAD;

	if (at != MSG_END && msg_find(m, at, id, S("authorization")) == MSG_END)
		v = check(by_action[a - site.ws->action_rows], msg_value(m, at));
	if (v == GOOD)
		return ACT_NEXT;
	r->answer = (struct rule_answer) { .status = v == BUSY ? 503 : 401 };
	if (v == BAD)
		r->answer.realm = ws_str(a->name);
	return ACT_ANSWER;
}

static void thread_stop(void)
{
	if (work)
		explicit_bzero(work, sizeof(*work));
	free(work);
	work = NULL;
	explicit_bzero(remembered, sizeof(remembered));
}

const struct action_part action_AUTH = {
	.name = "auth", .run = auth_run, .load = load, .thread_stop = thread_stop
};
