/* SPDX-License-Identifier: Apache-2.0 */
/* value: words of the configuration to typed values. Pure: no state, no diagnostics, no allocation
 * but where an arena is given. A parser returns NULL when the word is good, else a sentence that
 * says what was expected. */
#ifndef WEIR_COMPILER_VALUE_H
#define WEIR_COMPILER_VALUE_H

#include "program.h"

/* Duration with a unit (us ms s m h d), in ms, rounded up; at most VALUE_DURATION_MAX. */
const char *value_duration(struct str s, int64_t *ms);
#define VALUE_DURATION_MAX ((int64_t)10 * 366 * 86400 * 1000)

/* Size in bytes; k, m and g are powers of 1024. Count; k, m and g are powers of 1000. */
const char *value_size(struct str s, int64_t *bytes);
const char *value_count(struct str s, int64_t *n);

/* Whole number, "-" allowed. Range: one number or LO:HI, inclusive. */
const char *value_int(struct str s, int64_t *n);
const char *value_range(struct str s, int64_t *lo, int64_t *hi);

/* Address or CIDR. <host_bits> tells that bits beyond the prefix were set; they are cleared in
 * <net>. */
const char *value_net(struct str s, struct p_net *net, bool *host_bits);
/* A single address without port. */
const char *value_ip(struct str s, struct p_net *ip);
/* Anything of language.md 1: host:port, :port, unix@, abns@, fd@N; port may be +N or N-M. Text is
 * borrowed. */
const char *value_addr(struct str s, struct p_addr *addr);

/* Is it a token of RFC 9110 5.6.2? */
bool value_is_token(struct str s);
/* Name of a section, acl, variable: letters, digits and _ . : - */
bool value_is_name(struct str s);
/* Holds no CR, LF or NUL. */
bool value_is_clean(struct str s);

/* Plain value: two backslashes give one, others stay. Copies only when something changes. */
struct str value_plain(struct arena *a, struct str s);

/* Checks <text> with PCRE2. NULL and the number of groups, else the library's message in <why> (of
 * <size> bytes) and the byte offset of the fault. Options: "." matches any byte, "$" the very end
 * only; i is caseless, x is free-spacing; never UTF. */
const char *value_regex(struct str text, bool icase, bool freespace, unsigned *groups,
			size_t *offset, char *why, size_t size);

/* Names of log levels: by syslog number, then "silent", which is level -1. */
#define VALUE_LEVELS 9
extern const struct str value_levels[VALUE_LEVELS];
struct str value_level_name(int64_t level);

#endif
