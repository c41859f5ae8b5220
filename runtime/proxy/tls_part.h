/* SPDX-License-Identifier: Apache-2.0 */
/* tls_part: TLS as an optional part (struct ws_site.tls): NULL where no line of the site says it, and
 * then neither the code nor the library is in the binary. */
#ifndef WEIR_PROXY_TLS_PART_H
#define WEIR_PROXY_TLS_PART_H

#include <stdio.h>

#include "../net/tls.h"

struct tls_part {
	const char *name;
	/* Before the threads: reads every certificate and key. False after messages on <err>, one for
	 * each line that cannot be served. */
	bool (*load)(FILE *err);
	void (*free)(void);
	void (*thread_stop)(void);
	/* The last handshake of the bind or the server whose row of ws_site.tlses is <row>. After load. */
	const struct handshake *(*handshake)(uint32_t row);
	/* As in net/tls.h. */
	struct str (*sni)(const struct conn *c);
	struct str (*alpn)(const struct conn *c);
	ptrdiff_t (*cert)(const struct conn *c, enum tls_field field, char *out, size_t room);
};

#endif
