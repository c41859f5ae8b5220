/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the first ones of a TLS client: what is said of a beginning never changes but from
 * "more" to something else, and names lie inside the message. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/net/hello.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "failed: %s\n", #cond);                                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct str part, const char *message, size_t n)
{
	return !part.p || (part.p >= message && part.p + part.n <= message + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char joined[HELLO_MAX];
	char *in = malloc(size + 1);
	enum hello_got whole, before = HELLO_MORE;
	struct str sni, alpn, name;
	size_t n = 0, m = 0;

	memcpy(in, data, size);
	whole = hello_join(str_of(in, size), joined, &n);
	CHECK(whole == hello_join(str_of(in, size), NULL, &m) && n == m);
	for (size_t i = 0; i <= size && i < 512; i++) {
		enum hello_got got = hello_join(str_of(in, i), NULL, &m);

		CHECK(before == HELLO_MORE || got == before);
		before = got;
	}
	if (whole == HELLO_WHOLE && hello_read(str_of(joined, n), &sni, &alpn)) {
		CHECK(inside(sni, joined, n) && inside(alpn, joined, n));
		while (alpn.n) {
			name = hello_protocol(&alpn);
			CHECK(name.n > 0 && inside(name, joined, n));
		}
	}
	free(in);
	return 0;
}
