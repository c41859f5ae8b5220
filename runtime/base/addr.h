/* SPDX-License-Identifier: Apache-2.0 */
/* addr: internet and unix addresses as values. IPv4 is kept as ::ffff:a.b.c.d, so that both are
 * compared alike. */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "str.h"

enum addr_kind { AK_NONE, AK_INET, AK_UNIX, AK_ABNS, AK_FD, AK_NAME /* host name, not resolved */ };

struct addr {
	uint8_t kind; /* enum addr_kind */
	uint8_t v4; /* INET: written as IPv4 */
	uint16_t port; /* host order */
	uint8_t ip[16];
};

/* A configured address: adds what does not fit a peer's address. */
struct addr_conf {
	struct addr addr; /* AK_FD: port holds nothing, fd below */
	struct str path; /* UNIX, ABNS: path; NAME: host. Points into the parsed text */
	int fd;
	bool any_host; /* ":port" or "*:port": every address, both families */
	bool port_offset; /* "+1000" */
	bool has_port;
	uint16_t port_hi; /* range: port to port_hi */
};

struct addr_net {
	uint8_t ip[16];
	uint8_t bits; /* of 128; an IPv4 /8 is 104 */
};

/* "10.0.0.1:80", "[::1]:80", "::1", ":80", "*:80", "name:80", "unix@path", "/path", "abns@name",
 * "fd@3", "0.0.0.0:+1000", "10.0.0.1:1024-65535". NULL, or a sentence that says what is wrong. */
const char *addr_parse(struct str text, struct addr_conf *out);
/* Address or CIDR (an IPv4 one also with a dotted mask), v4-mapped folded; host bits are
 * cleared. ::/0 holds every address, IPv4 too; 0.0.0.0/0 every IPv4 one. NULL or a sentence. */
const char *addr_parse_net(struct str text, struct addr_net *out);
/* <v4> may be NULL; it is set for IPv4, also when written ::ffff:a.b.c.d. */
bool addr_parse_ip(struct str text, uint8_t ip[16], bool *v4);
bool addr_in_net(const uint8_t ip[16], const struct addr_net *net);
/* An internet address of IPv4. */
bool addr_is_v4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);

#define ADDR_TEXT 64
/* "10.0.0.1", "2001:db8::1" (RFC 5952), then a NUL; returns the length; <out> has ADDR_TEXT
 * bytes. "-" for AK_NONE, "unix" for the others. */
size_t addr_format_ip(const struct addr *a, char *out);
/* With port: "10.0.0.1:80", "[::1]:80". */
size_t addr_format(const struct addr *a, char *out);

/* Names the socket of an AK_UNIX or AK_ABNS address; <path>, NUL-terminated, stays the caller's
 * and must stay valid. */
void addr_set_path(struct addr *a, const char *path);
/* To and from the kernel's form; <len> of the result, or 0 for AK_NONE. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* The same of a configured address, unix and abstract names too; 0 for AK_FD, AK_NAME, AK_NONE. */
socklen_t addr_conf_to_sockaddr(const struct addr_conf *a, struct sockaddr_storage *out);
/* An IPv4 address that came over an IPv6 socket is folded. */
void addr_from_sockaddr(struct addr *a, const struct sockaddr_storage *from);

#endif
