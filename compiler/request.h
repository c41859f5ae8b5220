/* SPDX-License-Identifier: Apache-2.0 */
/* request: a request, the answer a server would give, and what a test expects, from words.
 *
 * Command line (explain):
 * --request "METH TARGET [HTTP/x.y]"   -H "Name: value" (any number)   --src ADDR[:PORT]   --dst
 * ADDR:PORT
 * --bind NAME (a frontend, a listen, or a bind's name)   --response "STATUS [reason]"
 * --response-header "Name: value"
 *
 * Test block (language.md 8), one request line, then any lines about it; the next request line
 * starts another exchange:
 * request METH TARGET [version V] [host H] [header N V]... [src ADDR[:PORT]] [dst ADDR:PORT]
 * [bind NAME] [tls] [sni N] [alpn P] [cert FIELD V]...
 *   response STATUS [header N V]...          what the server answers
 *   expect WORD [value] ...                  all must hold:
 * backend B      the request goes to backend B            uri U      target in the request the
 * server gets
 *     host H         its host                                 meth M     its method
 *     header N V     it has a line N with exactly the value V noheader N it has none
 * status N       status of the answer the client gets     response N V   the answer has a line N
 * of value V
 *     noresponse N   the answer has no line N                 location L the answer's Location
 *     deny [N] tarpit [N] redir [N] respond [N] auth          the rules answered so (with status N)
 *     drop           closed without an answer                 var N V  capture N V   values kept
 *
 * A target without version and without Host gets HTTP/1.1 and "Host: localhost", so that a short
 * request is a valid one; one
 * with a version is taken as it stands. Source is 127.0.0.1:50000 unless given. */
#ifndef WEIR_REQUEST_H
#define WEIR_REQUEST_H

#include "program.h"

struct field {
	struct str name, value; /* name as written */
};

struct fields {
	uint32_t n, room;
	struct field *at;
};

void fields_add(struct arena *a, struct fields *f, struct str name, struct str value);

struct request_spec {
	struct str meth, target, version; /* version: "1.1" */
	struct fields headers;
	struct p_net src, dst; /* bits 128 */
	uint16_t src_port, dst_port;
	bool has_dst; /* else the bind's port, and 127.0.0.1 */
	struct str bind; /* empty: chosen by destination port, else the first */
	bool short_form; /* written without version: request_finish completes it */
	bool tls; /* besides what the bind says */
	struct str sni, alpn;
	struct fields cert; /* of the client's certificate; none: it shows none */
	bool answered; /* a response was given: else a plain 200 */
	uint16_t status;
	struct str reason;
	struct fields response;
};

/* One "expect" word with its values. */
struct expectation {
	struct str word, name, value;
	bool has_value;
};

struct expectations {
	uint32_t n, room;
	struct expectation *at;
};

/* Each returns NULL, or a sentence that says what is wrong with the text. */
void request_init(struct request_spec *r);
const char *request_line(struct request_spec *r, struct str text);
const char *request_header(struct arena *a, struct fields *f, struct str text);
const char *request_src(struct request_spec *r, struct str text);
const char *request_dst(struct request_spec *r, struct str text);
const char *request_response(struct request_spec *r, struct str text);
/* Adds the Host that a request of short form has not got. Call last, after the headers. */
void request_finish(struct arena *a, struct request_spec *r);

/* A whole line of a test block, by its first word. */
const char *request_words(struct arena *a, struct request_spec *r, const struct ast_value *words);
const char *response_words(struct arena *a, struct request_spec *r, const struct ast_value *words);
const char *expect_words(struct arena *a, struct expectations *e, const struct ast_value *words);
/* Does an expectation begin with <word>? */
bool expect_knows(struct str word);

/* "10.0.0.1", "::1", "10.0.0.1:80", "[::1]:80" as an address; port 0 when there is none. IPv4 is
 * mapped. */
bool address_read(struct str text, struct p_net *ip, uint16_t *port);
/* Text of an address, IPv4 without its mapping. */
struct str address_text(struct arena *a, const struct p_net *ip);

#endif
