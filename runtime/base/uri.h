/* SPDX-License-Identifier: Apache-2.0 */
/* uri: request targets and authorities (RFC 9112 3.2, RFC 3986). Pure: bytes in, parts out, no
 * allocation,
 * usable from any thread. Compiler and runtime share it, so that what is tested is what is sent.
 * Refuses: user information (RFC 9110 4.2.4), percent escapes and IPvFuture in hosts, bytes
 * above 0x7e. */
#ifndef WEIR_BASE_URI_H
#define WEIR_BASE_URI_H

#include "str.h"

enum uri_form {
	URI_ORIGIN, /* /path?query */
	URI_ABSOLUTE, /* http://authority/path?query */
	URI_AUTHORITY, /* host:port, CONNECT only */
	URI_ASTERISK /* *, OPTIONS only */
};

/* Parts of a target; all point into it. */
struct uri {
	enum uri_form form;
	struct str scheme; /* ABSOLUTE */
	struct str authority; /* ABSOLUTE and AUTHORITY: valid for uri_host */
	/* ORIGIN: begins with "/"; ABSOLUTE: that, or empty, which means "/"; ASTERISK: "*" */
	struct str path;
	struct str query; /* after the first "?", p is NULL when there is no "?" */
};

/* Splits the request target <target> of method <meth> into <out>. False when it is none that a
 * server may take:
 * a wrong form for the method, or a byte that no target has (blank, control, "#", above 0x7e). */
bool uri_split(struct str meth, struct str target, struct uri *out);

/* True when each byte of <s> may stand in a path or query as received: visible ASCII without
 * "#". */
bool uri_bytes(struct str s);

/* Normalises the path <path>, which begins with "/", to <out> of at least path.n bytes (may be
 * path.p itself):
 * escapes of unreserved characters are decoded, other escapes get upper-case digits, "//"
 * becomes "/", segments "." and ".."
 * are removed. Returns the length, or -1: ".." above the root, %00, a bad escape, or no "/" at
 * the start. */
ptrdiff_t uri_normalise(struct str path, char *out);

#define URI_HOST_ROOM(n) ((n) + 48) /* bytes that uri_host may write for an authority of <n> */

/* Host form of <authority> ("host", "host:port", "[v6]:port"): lower case, no port, no trailing
 * dot, IPv6 in brackets in
 * its shortest spelling. Writes it to <out> (URI_HOST_ROOM bytes), sets <host> to it and <port>
 * (0: none given).
 * False when it is no host; an empty authority is the empty host. */
bool uri_host(struct str authority, char *out, struct str *host, unsigned *port);

/* Decodes every %XX of <s> to <out> (at least s.n bytes, may be s.p). Returns the length, -1 at
 * a bad escape. */
ptrdiff_t uri_decode(struct str s, char *out);

/* Maps leading whole segments of the normalised <path>: if it is <old>, or begins with <old> and
 * "/", sets <rest> to what follows
 * <old> (empty, or beginning with "/") and returns true. An <old> that ends in "/" needs that
 * "/". */
bool uri_prefix(struct str path, struct str old, bool icase, struct str *rest);

#endif
