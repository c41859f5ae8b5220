/* SPDX-License-Identifier: Apache-2.0 */
/* universe: what each part of a request can be once the proxy's own parser took it. Made from the
 * byte classes of runtime/base/h1_class.h, which the parser reads by, and compared with the parser
 * in tests/unit. Each language holds every value that can occur, so that what is proved empty is
 * empty. Those that say "exact" hold nothing else; the others hold a little more, as told below, so
 * an example from them counts only once the interpreter has run it.
 *
 * Lengths: a method has up to 64 bytes. Other lengths are bounded by the limits on heads (16 KiB
 * unless a site says otherwise) and are left out: examples are far shorter. */
#ifndef WEIR_PROOF_UNIVERSE_H
#define WEIR_PROOF_UNIVERSE_H

#include "../regular/dfa.h"

enum universe {
	UNIVERSE_METHOD, /* exact */
	/* As received. Also holds paths whose ".." lead above the root, authorities above 255 bytes
	 * and brackets around what looks like IPv6 and is not. */
	UNIVERSE_URI,
	UNIVERSE_PATH, /* exact: normal forms, and "*" */
	UNIVERSE_QUERY, /* exact; the subject is absent without "?" */
	UNIVERSE_HOST, /* lower case, no port; brackets as in the URI */
	UNIVERSE_HOST_FIELD, /* the Host header, which must be a host: brackets as in the URI */
	UNIVERSE_FIELD_NAME, /* exact */
	UNIVERSE_FIELD_VALUE, /* exact for fields that the parser does not read itself */
	UNIVERSE_COOKIE, /* exact: the value of a pair */
	UNIVERSE_PARAMETER, /* exact: q(NAME), not decoded */
	UNIVERSE_SCHEME, /* exact */
	UNIVERSE_VERSION, /* exact */
	UNIVERSE_LINE, /* method, URI and version, each by itself */
	UNIVERSES
};

/* The language of <u>. Never meets a limit. The caller keeps what it got: each call makes it. */
const struct dfa *universe_make(struct arena *a, enum universe u);

/* ---- paths as received ---- */

enum spelling {
	/* Without a segment "..", in whatever spelling: exact. */
	SPELLING_PLAIN,
	/* And every path with such a segment: each path as received whose normal form is in the
	 * language is among them, and others are. */
	SPELLING_ALL
};

/* Paths as received whose normal form is in <d>, a language of normal paths. A normal path is a
 * spelling of itself, so the shortest example of <d> is one of these. NULL: a limit. */
const struct dfa *universe_spellings(struct arena *a, const struct dfa *d, enum spelling s,
				     struct budget *b);

#endif
