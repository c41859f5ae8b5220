/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/http/h1.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/base/h1_class.h"

Suite *h1_suite(void);

#define LIMIT_HEAD 1000
#define LIMIT_LINES 12
#define LIMIT_URI 200
static const struct h1_limits lim = { LIMIT_HEAD, LIMIT_LINES, LIMIT_URI };

struct vector {
	const char *in;
	size_t n; /* 0: strlen */
	const char *want; /* summary of the message, or status of the refusal, or "more" */
};
#define V(text, want)                                                                              \
	{                                                                                          \
		text, sizeof(text) - 1, want                                                       \
	}
#define H "Host: a\r\n"

static const struct vector requests[] = {
	/* start line */
	V("GET / HTTP/1.1\r\n" H "\r\n", "GET / a none K"),
	V("\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / a none K"),
	V("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / a none K"),
	V("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "400"),
	V("\nGET / HTTP/1.1\r\n" H "\r\n", "400"),
	V(" GET / HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET  / HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /  HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET\t/ HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET / HTTP/1.1 \r\n" H "\r\n", "400"),
	V("GET / HTTP/1.1\n" H "\r\n", "400"),
	V("GET / HTTP/1.1\r" H "\r\n", "400"),
	V("GET / HTTP/1.1\r\r\n" H "\r\n", "400"),
	V("GET / HTTP/1.1\0\r\n" H "\r\n", "400"),
	V("GET /\r\n\r\n", "400"),
	V("GET\r\n\r\n", "400"),
	V("GET / \r\n" H "\r\n", "400"),
	V("GET HTTP/1.1\r\n" H "\r\n", "400"),
	V("G\xc3\xa9T / HTTP/1.1\r\n" H "\r\n", "400"),
	V("GE\0T / HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET/ / HTTP/1.1\r\n" H "\r\n", "400"),
	V("G(T / HTTP/1.1\r\n" H "\r\n", "400"),
	V("get / HTTP/1.1\r\n" H "\r\n", "get / a none K"),
	V("X-!#$%&'*+.^_`|~9 / HTTP/1.1\r\n" H "\r\n", "X-!#$%&'*+.^_`|~9 / a none K"),
	V("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGGGG / HTTP/1.1\r\n" H
	  "\r\n",
	  "501"),
	/* version */
	V("GET / HTTP/1.0\r\n\r\n", "GET / - none 0"),
	V("GET / HTTP/1.0\r\n" H "\r\n", "GET / a none 0"),
	V("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / - none K0"),
	V("GET / HTTP/1.2\r\n" H "\r\n", "GET / a none K"),
	V("GET / HTTP/1.9\r\n" H "\r\n", "GET / a none K"),
	V("GET / HTTP/2.0\r\n" H "\r\n", "505"),
	V("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
	V("GET / HTTP/0.9\r\n" H "\r\n", "505"),
	V("GET / HTTP/3.0\r\n" H "\r\n", "505"),
	V("GET / http/1.1\r\n" H "\r\n", "400"),
	V("GET / HTTP/1\r\n" H "\r\n", "400"),
	V("GET / HTTP/11\r\n" H "\r\n", "400"),
	V("GET / HTTP/1.10\r\n" H "\r\n", "400"),
	V("GET / HTTP/01.1\r\n" H "\r\n", "400"),
	V("GET / HTTP/1,1\r\n" H "\r\n", "400"),
	V("GET / HTTP/1.x\r\n" H "\r\n", "400"),
	V("GET / HTTPS/1.1\r\n" H "\r\n", "400"),
	V("GET / ICAP/1.0\r\n" H "\r\n", "400"),
	/* target */
	V("GET /a/b?c=d&e HTTP/1.1\r\n" H "\r\n", "GET /a/b?c=d&e a none K"),
	V("GET /? HTTP/1.1\r\n" H "\r\n", "GET /? a none K"),
	V("GET /a?b?c//../%2e HTTP/1.1\r\n" H "\r\n", "GET /a?b?c//../%2e a none K"),
	V("GET /%61%2d%2f HTTP/1.1\r\n" H "\r\n", "GET /a-%2F a none K"),
	V("GET /a/../b/./c//d HTTP/1.1\r\n" H "\r\n", "GET /b/c/d a none K"),
	V("GET //a HTTP/1.1\r\n" H "\r\n", "GET /a a none K"),
	V("GET /.well-known/x HTTP/1.1\r\n" H "\r\n", "GET /.well-known/x a none K"),
	V("GET /a/.. HTTP/1.1\r\n" H "\r\n", "GET / a none K"),
	V("GET /.. HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a/%2e%2E/.. HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /%00 HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /%0 HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /%zz HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a#b HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a\x7f HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a\x80 HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a\tb HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET /a?\x01 HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET a HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET * HTTP/1.1\r\n" H "\r\n", "400"),
	V("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * a none KS"),
	V("OPTIONS / HTTP/1.1\r\n" H "\r\n", "OPTIONS / a none K"),
	V("GET http://b.example/x?y HTTP/1.1\r\n" H "\r\n", "GET /x?y b.example none KA"),
	V("GET http://B.Example:8080/x HTTP/1.1\r\nHost: evil\r\n\r\n", "GET /x b.example none KA"),
	V("GET http://b HTTP/1.1\r\n" H "\r\n", "GET / b none KA"),
	V("GET http://b?q HTTP/1.1\r\n" H "\r\n", "GET /?q b none KA"),
	V("GET http://b/../c HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET http://b/%2e/c HTTP/1.1\r\n" H "\r\n", "GET /c b none KA"),
	V("OPTIONS http://b HTTP/1.1\r\n" H "\r\n", "OPTIONS * b none KAS"),
	V("OPTIONS http://b/ HTTP/1.1\r\n" H "\r\n", "OPTIONS / b none KA"),
	V("GET https://b/ HTTP/1.1\r\n" H "\r\n", "GET / b none KA"),
	V("GET http://b/ HTTP/1.0\r\n\r\n", "GET / b none 0A"),
	V("GET http://b/ HTTP/1.1\r\n\r\n", "400"),
	V("GET ftp://b/ HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET http:/// HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET http://u@b/ HTTP/1.1\r\n" H "\r\n", "400"),
	V("GET http:b HTTP/1.1\r\n" H "\r\n", "400"),
	V("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "CONNECT - b none KT"),
	V("CONNECT b HTTP/1.1\r\n" H "\r\n", "400"),
	V("CONNECT / HTTP/1.1\r\n" H "\r\n", "400"),
	V("CONNECT http://b:443/ HTTP/1.1\r\n" H "\r\n", "400"),
	V("CONNECT b:443 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "400"),
	V("CONNECT b:443 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "400"),
	/* Host */
	V("GET / HTTP/1.1\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / - none K"),
	V("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", "400"),
	V("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: A.Example.:80\r\n\r\n", "GET / a.example none K"),
	V("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: [2001:DB8::0:1]:80\r\n\r\n", "GET / [2001:db8::1] none K"),
	V("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a..\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost: a\xff\r\n\r\n", "400"),
	/* field lines */
	V("GET / HTTP/1.1\r\n" H "X:y\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "X:  \t y \t\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "X:\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "X: a\tb\xa0\xff\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "X : y\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X\t: y\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H " X: y\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\r\n z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\r\n\tz\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\rZ: 1\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\r\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\0z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\x1fz\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: y\x7fz\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X: 0123456789abcdef\x01\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H ": y\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X y: z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X\0: z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "X\x80: z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "(X): z\r\n\r\n", "400"),
	V("GET / HTTP/1.1\r\n" H "\n", "400"),
	V("GET / HTTP/1.1\r\n" H "\rX: y\r\n\r\n", "400"),
	/* framing and smuggling */
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "POST / a len:5 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "POST / a len:0 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 007\r\n\r\n", "POST / a len:7 K"),
	V("GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "GET / a len:5 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", "POST / a len:5 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
	  "POST / a len:5 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5, 6\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5,05\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5,\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: ,5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5.0\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: \"5\"\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5;a\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 1_0\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5\xa0\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 4611686018427387903\r\n\r\n",
	  "POST / a len:4611686018427387903 K"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content_Length: 5\r\n\r\n", "POST / a none K"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "POST / a chunked K"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: CHUNKED\r\n\r\n", "POST / a chunked K"),
	V("POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING:\tchunked \r\n\r\n", "POST / a chunked K"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nTransfer-Encoding: x\r\n\r\n", "400"),
	V("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H
	  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "501"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", "501"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", "501"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", "501"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	  "chunked\r\n\r\n",
	  "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: ,chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding\r\n : chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", "400"),
	V("POST / HTTP/1.1\r\n" H "X: y\nTransfer-Encoding: chunked\r\n\r\n", "400"),
	/* connection options, upgrade, expect */
	V("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET / a none -"),
	V("GET / HTTP/1.1\r\n" H "Connection: keep-alive, Close\r\n\r\n", "GET / a none -"),
	V("GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: close\r\n\r\n", "GET / a none -"),
	V("GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n\r\n", "GET / a none K0"),
	V("GET / HTTP/1.0\r\n" H "Connection: keep-alive, close\r\n\r\n", "GET / a none 0"),
	V("GET / HTTP/1.1\r\n" H "Connection: ,,close,\r\n\r\n", "GET / a none -"),
	V("GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	  "GET / a none KU"),
	V("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.0\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
	  "GET / a none 0"),
	V("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
	  "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n",
	  "GET / a none K"),
	V("POST / HTTP/1.1\r\n" H
	  "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc",
	  "POST / a len:3 K"),
	V("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
	  "POST / a len:3 KE"),
	V("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", "POST / a none K"),
	V("POST / HTTP/1.0\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	  "POST / a len:3 0"),
	/* limits */
	V("GET / HTTP/1.1\r\n" H
	  "1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\na:\r\nb:\r\n\r\n",
	  "GET / a none K"),
	V("GET / HTTP/1.1\r\n" H
	  "1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\na:\r\nb:\r\nc:\r\n\r\n",
	  "431"),
	/* not whole */
	V("", "more"),
	V("\r\n", "more"),
	V("G", "more"),
	V("GET / HTTP/1.1\r\n", "more"),
	V("GET / HTTP/1.1\r\n" H, "more"),
	V("GET / HTTP/1.1\r\n" H "\r", "more"),
};

static const struct vector responses[] = {
	V("HTTP/1.1 200 OK\r\n\r\n", "200 OK close -"),
	V("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 OK len:3 K"),
	V("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  len:0 K"),
	V("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  len:0 K"),
	V("HTTP/1.1 599 \xe9 x\r\nContent-Length: 0\r\n\r\n", "599 \xe9 x len:0 K"),
	V("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", "200 OK len:3 0"),
	V("HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
	  "200 OK len:3 K0"),
	V("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 OK chunked K"),
	V("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
	  "200 OK chunked -"),
	V("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", "204 No none K"),
	V("HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", "304 No none:3 K"),
	V("HTTP/1.1 100 Continue\r\n\r\n", "100 Continue none K"),
	V("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", "103 Early none K"),
	V("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
	  "101 Go tunnel KU"),
	V("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "400"),
	V("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
	V("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
	V("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"),
	V("HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\n", "502"),
	V("HTTP/1.1 200 O\rK\r\n\r\n", "502"),
	V("HTTP/1.1 200 O\0K\r\n\r\n", "502"),
	V("HTTP/1.1 20 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1 2000 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1 099 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1 600 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1 abc OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1  200 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/1.1 200OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP/2.0 200 OK\r\nX: y\r\n\r\n", "502"),
	V("HTTP 200 OK\r\nX: yyyyyyy\r\n\r\n", "502"),
	V("ICY 200 OK\r\nX: yyyyyyyy\r\n\r\n", "502"),
	V("<html>no head at all\r\n\r\n", "502"),
	V("HTTP/1.1 200 OK\r\n X: y\r\n\r\n", "400"),
	V("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "400"),
	V("HTTP/1.1 200 OK\r\n", "more"),
};

static const char *body_text(const struct msg *m)
{
	static const char *const names[] = { "none", "len", "chunked", "close", "tunnel" };
	static char out[40];

	if (m->body == BODY_LENGTH || m->flags & MSG_LENGTH)
		snprintf(out, sizeof(out), "%s:%llu", names[m->body],
			 (unsigned long long)m->length);
	else
		snprintf(out, sizeof(out), "%s", names[m->body]);
	return out;
}

static const char *flags_text(const struct msg *m)
{
	static const struct {
		uint32_t flag;
		char letter;
	} letters[] = {
		{ MSG_KEEP, 'K' },      { MSG_UPGRADE, 'U' },  { MSG_EXPECT, 'E' },
		{ MSG_HTTP10, '0' },    { MSG_ABSOLUTE, 'A' }, { MSG_ASTERISK, 'S' },
		{ MSG_AUTHORITY, 'T' },
	};
	static char out[16];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (m->flags & letters[i].flag)
			out[n++] = letters[i].letter;
	if (!n)
		out[n++] = '-';
	out[n] = '\0';
	return out;
}

static void describe(struct msg *m, char out[512])
{
	if (m->flags & MSG_RESPONSE) {
		snprintf(out, 512, "%u %.*s %s %s", m->status, STR_ARG(msg_str(m, m->reason)),
			 body_text(m), flags_text(m));
		return;
	}
	snprintf(out, 512, "%.*s %.*s%s%.*s %.*s %s %s", STR_ARG(msg_str(m, m->meth)),
		 STR_ARG(m->has_path ? msg_str(m, m->path) : S("-")), m->has_query ? "?" : "",
		 STR_ARG(m->has_query ? msg_str(m, m->query) : S("")),
		 STR_ARG(msg_host(m).n ? msg_host(m) : S("-")), body_text(m), flags_text(m));
}

/* Result of one call as text; a copy of exactly <n> bytes lets a sanitizer see a read beyond. */
static enum h1_result parse(bool response, const char *in, size_t n, size_t *seen, char out[512],
			    size_t *used)
{
	const struct h1_error *err = NULL;
	char *copy = malloc(n ? n : 1);
	struct msg m;
	enum h1_result r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, in, n);
	*used = 0;
	if (response)
		r = h1_parse_response(str_of(copy, n), seen, &lim, false, false, &m, used, &err);
	else
		r = h1_parse_request(str_of(copy, n), seen, &lim, &m, used, &err);
	free(copy);
	if (r == H1_DONE)
		describe(&m, out);
	else if (r == H1_BAD)
		snprintf(out, 512, "%u", err->status);
	else
		snprintf(out, 512, "more");
	msg_free(&m);
	return r;
}

static void check_vector(bool response, const struct vector *v)
{
	char got[512];
	size_t used, seen = 0, first_used;

	parse(response, v->in, v->n, &seen, got, &first_used);
	ck_assert_msg(!strcmp(got, v->want), "[%s] gives [%s], not [%s]", v->in, got, v->want);
	for (size_t cut = 0; cut <= v->n; cut++) { /* in two pieces */
		seen = 0;
		if (parse(response, v->in, cut, &seen, got, &used) == H1_MORE)
			parse(response, v->in, v->n, &seen, got, &used);
		ck_assert_msg(!strcmp(got, v->want), "[%s] cut at %zu gives [%s], not [%s]", v->in,
			      cut, got, v->want);
		ck_assert_uint_eq(used, first_used);
	}
	seen = 0;
	for (size_t n = 0; n <= v->n; n++) /* byte by byte */
		if (parse(response, v->in, n, &seen, got, &used) != H1_MORE)
			break;
	ck_assert_msg(!strcmp(got, v->want), "[%s] dripped gives [%s], not [%s]", v->in, got,
		      v->want);
}

START_TEST(request_means_the_same_whole_and_in_pieces)
{
	check_vector(false, &requests[_i]);
}
END_TEST

START_TEST(response_means_the_same_whole_and_in_pieces)
{
	check_vector(true, &responses[_i]);
}
END_TEST

START_TEST(used_ends_behind_the_empty_line)
{
	const char *in = "\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y";
	char got[512];
	size_t seen = 0, used;

	ck_assert_int_eq(parse(false, in, strlen(in), &seen, got, &used), H1_DONE);
	ck_assert_uint_eq(used, strlen(in) - strlen("GET /y"));
}
END_TEST

static void too_long(bool response, const char *start, char fill, const char *end, size_t total,
		     const char *want)
{
	char *in = malloc(total + 64), got[512];
	size_t n = strlen(start), seen = 0, used;
	struct vector v = { in, total, want };

	memcpy(in, start, n);
	memset(in + n, fill, total - n);
	memcpy(in + total - strlen(end), end, strlen(end));
	parse(response, in, total, &seen, got, &used);
	ck_assert_str_eq(got, want);
	check_vector(response, &v);
	free(in);
}

START_TEST(limits_have_their_own_status)
{
	const size_t fixed = strlen("GET / HTTP/1.1\r\n\r\n");

	too_long(false, "GET /", 'x', " HTTP/1.1\r\nHost: a\r\n\r\n", LIMIT_URI + 100, "414");
	too_long(false, "GET /", 'x', "x", LIMIT_HEAD + 1, "414");
	too_long(false, "GET /", 'x', "x", LIMIT_HEAD, "more");
	too_long(false, "G", 'x', "x", LIMIT_HEAD + 1, "414");
	too_long(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', "\r\n\r\n", LIMIT_HEAD,
		 "GET / a none K");
	too_long(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', "\r\n\r\n", LIMIT_HEAD + 1, "431");
	too_long(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', "x", LIMIT_HEAD + 20, "431");
	too_long(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', "\x01\r\n\r\n", LIMIT_HEAD + 20,
		 "431");
	too_long(true, "HTTP/1.1 200 OK\r\nX: ", 'x', "x", LIMIT_HEAD + 1, "431");
	ck_assert_uint_gt(LIMIT_HEAD, fixed);
}
END_TEST

static void parsed(struct msg *m, const char *text, bool response, bool head, bool connect)
{
	const struct h1_error *err = NULL;
	size_t seen = 0, used;
	struct str in = str_from(text);
	enum h1_result r =
		response ? h1_parse_response(in, &seen, &lim, head, connect, m, &used, &err)
			 : h1_parse_request(in, &seen, &lim, m, &used, &err);

	ck_assert_msg(r == H1_DONE, "[%s] is refused: %s", text, err ? err->text : "more");
}

START_TEST(answers_to_head_and_connect_have_no_body)
{
	struct msg m;

	parsed(&m, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, true, false);
	ck_assert_int_eq(m.body, BODY_NONE);
	ck_assert(m.flags & MSG_LENGTH && m.length == 9);
	msg_free(&m);
	parsed(&m, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, true, false);
	ck_assert_int_eq(m.body, BODY_NONE);
	msg_free(&m);
	parsed(&m, "HTTP/1.1 200 OK\r\n\r\n", true, false, true);
	ck_assert_int_eq(m.body, BODY_TUNNEL);
	msg_free(&m);
	parsed(&m, "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\n", true, false, true);
	ck_assert_int_eq(m.body, BODY_LENGTH);
	msg_free(&m);
}
END_TEST

static void writes(const char *in, const struct h1_framing *f, bool response, const char *want)
{
	struct msg m;
	char *out;
	size_t n;

	parsed(&m, in, response, false, false);
	n = h1_head_size(&m, f);
	out = malloc(n);
	n = h1_write_head(&m, f, out);
	ck_assert_uint_le(n, h1_head_size(&m, f));
	ck_assert_msg(n == strlen(want) && !memcmp(out, want, n), "[%s] is written as [%.*s]", in,
		      (int)n, out);
	free(out);
	msg_free(&m);
}

START_TEST(head_is_written_with_our_framing_only)
{
	const struct h1_framing none = { .body = BODY_NONE },
				length = { .body = BODY_LENGTH, .length = 12345678901 };
	const struct h1_framing close = { .body = BODY_CHUNKED, .close = true };
	const struct h1_framing up = { .upgrade = true }, raw = { .raw_target = true },
				old = { .http10 = true, .keep_alive = true };

	writes("GET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n", &none, false,
	       "GET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n");
	writes("GET / HTTP/1.0\r\nHost:x\r\nA:  1 \r\nB: 2\r\n\r\n", &none, false,
	       "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n");
	writes("GET /a/../%62?%2e HTTP/1.1\r\nHost: x\r\n\r\n", &none, false,
	       "GET /b?%2e HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("GET /a/../%62?%2e HTTP/1.1\r\nHost: x\r\n\r\n", &raw, false,
	       "GET /a/../%62?%2e HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("GET http://Y:8/p HTTP/1.1\r\nA: 1\r\nHost: x\r\nB: 2\r\n\r\n", &none, false,
	       "GET /p HTTP/1.1\r\nA: 1\r\nHost: Y:8\r\nB: 2\r\n\r\n");
	writes("CONNECT y:8 HTTP/1.1\r\nHost: x\r\n\r\n", &none, false,
	       "CONNECT y:8 HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", &none, false,
	       "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("OPTIONS http://y HTTP/1.1\r\nHost: x\r\n\r\n", &none, false,
	       "OPTIONS * HTTP/1.1\r\nHost: y\r\n\r\n");
	writes("POST / HTTP/1.1\r\nHost: x\r\nA: 1\r\nContent-Length: 3\r\nB: 2\r\nConnection: "
	       "keep-alive, C\r\n"
	       "C: 3\r\nKeep-Alive: 9\r\nProxy-Connection: x\r\nTE: x\r\nUpgrade: y\r\nD: "
	       "4\r\nTrailer: q\r\n\r\n",
	       &length, false,
	       "POST / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nD: 4\r\nContent-Length: "
	       "12345678901\r\n\r\n");
	writes("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: q\r\n\r\n",
	       &close, false,
	       "POST / HTTP/1.1\r\nHost: x\r\nTrailer: q\r\nTransfer-Encoding: "
	       "chunked\r\nConnection: close\r\n\r\n");
	writes("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nA: "
	       "1\r\n\r\n",
	       &up, false,
	       "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nA: 1\r\nConnection: "
	       "upgrade\r\n\r\n");
	writes("GET / HTTP/1.0\r\nA: 1\r\n\r\n", &old, false,
	       "GET / HTTP/1.0\r\nA: 1\r\nConnection: keep-alive\r\n\r\n");
	writes("GET / HTTP/1.1\r\nHost: x\r\nConnection: Host, A\r\nA: 1\r\nA: 2\r\n\r\n", &none,
	       false, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("HTTP/1.1 404 Gone fishing\r\nA: 1\r\nConnection: close\r\nSet-Cookie: "
	       "a\r\nSet-Cookie: b\r\n\r\n",
	       &close, true,
	       "HTTP/1.1 404 Gone fishing\r\nA: 1\r\nSet-Cookie: a\r\nSet-Cookie: "
	       "b\r\nTransfer-Encoding: chunked\r\n"
	       "Connection: close\r\n\r\n");
	writes("HTTP/1.0 503\r\nA: 1\r\n\r\n", &none, true,
	       "HTTP/1.1 503 Service Unavailable\r\nA: 1\r\n\r\n");
	writes("HTTP/1.1 503 \r\n\r\n", &none, true, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
	/* The version is ours, RFC 9110 2.5. */
	writes("GET / HTTP/1.5\r\nHost: x\r\n\r\n", &none, false,
	       "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("GET //a HTTP/1.5\r\nHost: x\r\n\r\n", &raw, false,
	       "GET //a HTTP/1.1\r\nHost: x\r\n\r\n");
	writes("HTTP/1.5 200 Fine\r\nA: 1\r\n\r\n", &none, true,
	       "HTTP/1.1 200 Fine\r\nA: 1\r\n\r\n");
}
END_TEST

/* A start line that was made again has no line end behind it in the text. */
START_TEST(edited_start_lines_are_written)
{
	const struct h1_framing none = { .body = BODY_NONE };
	char out[512];
	struct msg m;
	size_t n;

	parsed(&m, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", false, false, false);
	ck_assert(msg_set_method(&m, S("HEAD")));
	ck_assert(str_eq(msg_line(&m), S("HEAD /a HTTP/1.1")));
	n = h1_write_head(&m, &none, out);
	ck_assert(str_eq(str_of(out, n), S("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")));
	msg_free(&m);
	parsed(&m, "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", true, false, false);
	ck_assert(msg_set_status(&m, 404, S("Gone")));
	ck_assert(str_eq(msg_line(&m), S("HTTP/1.1 404 Gone")));
	n = h1_write_head(&m, &none, out);
	ck_assert(str_eq(str_of(out, n), S("HTTP/1.1 404 Gone\r\nA: 1\r\n\r\n")));
	msg_free(&m);
	/* And one that was moved to another block. */
	parsed(&m, "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", true, false, false);
	while (m.cap < 65536)
		ck_assert(msg_add(&m, S("B"), str_of(out, 500)));
	ck_assert_uint_eq(msg_del_all(&m, FIELD_OTHER, S("B")) > 0, 1);
	ck_assert(msg_reserve(&m, 60000, 0));
	n = h1_write_head(&m, &none, out);
	ck_assert(str_eq(str_of(out, n), S("HTTP/1.1 200 OK\r\nA: 1\r\n\r\n")));
	msg_free(&m);
}
END_TEST

START_TEST(chunk_line_is_hexadecimal)
{
	char room[20];
	size_t n = h1_chunk_line(0x1f40, room + 20);

	ck_assert_uint_eq(n, 6);
	ck_assert_mem_eq(room + 20 - n, "1f40\r\n", 6);
	n = h1_chunk_line(UINT64_MAX, room + 20);
	ck_assert_uint_eq(n, 18);
	ck_assert_mem_eq(room + 20 - n, "ffffffffffffffff\r\n", 18);
}
END_TEST

START_TEST(byte_classes_follow_the_grammar)
{
	for (int c = 0; c < 256; c++) {
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool token = alnum || (c && c < 128 && strchr("!#$%&'*+-.^_`|~", c));
		bool target = c > 0x20 && c < 0x7f && c != '#';
		unsigned want = (token ? H1_TOKEN : 0) | (target ? H1_TARGET : 0);

		if (target && c != '/' && c != '%' && c != '?')
			want |= H1_SEGMENT;
		if (c == '\t' || (c >= 0x20 && c != 0x7f))
			want |= H1_VALUE;
		if ((alnum && !(c >= 'A' && c <= 'Z')) || c == '-' || c == '.' || c == '_')
			want |= H1_HOST;
		if (alnum || (c && strchr("-._~", c)))
			want |= H1_UNRESERVED;
		if (alnum || (c && strchr("-._~!$&'()*+,;=", c)))
			want |= H1_REG_NAME;
		ck_assert_msg(h1_classes[c] == want, "class of 0x%02x", c);
	}
}
END_TEST

START_TEST(every_field_with_a_slot_is_found_in_any_case)
{
	for (int id = 1; id < FIELDS; id++) {
		char name[32];
		struct str s = field_names[id];

		ck_assert_int_eq(field_lookup(s), id);
		for (size_t i = 0; i < s.n; i++)
			name[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i];
		ck_assert_int_eq(field_lookup(str_of(name, s.n)), id);
		for (size_t i = 0; i < s.n; i++) { /* each byte counts */
			char was = name[i];

			name[i] = '_';
			ck_assert_int_eq(field_lookup(str_of(name, s.n)), FIELD_OTHER);
			name[i] = was;
		}
		ck_assert_int_eq(field_lookup(str_of(s.p, s.n - 1)), FIELD_OTHER);
	}
	ck_assert_int_eq(field_lookup(S("")), FIELD_OTHER);
	ck_assert_int_eq(field_lookup(S("x")), FIELD_OTHER);
}
END_TEST

Suite *h1_suite(void)
{
	Suite *s = suite_create("h1");
	TCase *t = tcase_create("codec");

	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_loop_test(t, request_means_the_same_whole_and_in_pieces, 0,
			    sizeof(requests) / sizeof(*requests));
	tcase_add_loop_test(t, response_means_the_same_whole_and_in_pieces, 0,
			    sizeof(responses) / sizeof(*responses));
	tcase_add_test(t, used_ends_behind_the_empty_line);
	tcase_add_test(t, limits_have_their_own_status);
	tcase_add_test(t, answers_to_head_and_connect_have_no_body);
	tcase_add_test(t, head_is_written_with_our_framing_only);
	tcase_add_test(t, edited_start_lines_are_written);
	tcase_add_test(t, chunk_line_is_hexadecimal);
	tcase_add_test(t, byte_classes_follow_the_grammar);
	tcase_add_test(t, every_field_with_a_slot_is_found_in_any_case);
	suite_add_tcase(s, t);
	return s;
}
