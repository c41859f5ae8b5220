/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of test_mux_h2.c: scripts of clients and what comes of them. */
#ifndef WEIR_TESTS_MUX_H2_CASES_H
#define WEIR_TESTS_MUX_H2_CASES_H

#include <stdbool.h>

struct h2_case {
	const char *name, *in;
	const char *out; /* transcript at the far end */
	const char *log; /* upcalls; NULL: not looked at */
	bool closed; /* the mux ends the connection */
};

#define OK5(n) "H" n " 200 content-length=5|D" n " hello.|"
#define PSEUDO ":method=GET,:scheme=http,:authority=a,:path=/x"
#define POSTS ":method=POST,:scheme=http,:authority=a,:path=/echo"
#define BAD(n, status) "H" n " " status " content-length=0|R" n ":1|"
#define BAD_LOG "failed 4 400|"
/* Stream 1 goes on whatever happens to stream 3. */
#define SIBLING(what) "P O1/echo " what " F1:abc"
#define SURVIVED "H1 200 content-length=3|D1 abc.|"

static const struct h2_case cases[] = {
	{ "one request", "P G1/x", OK5("1"), "GET /x|end 0|", false },
	{ "many at a time", "P O1/echo O3/echo O5/echo F5:c D1:a F3:bb F1:d",
	  "H5 200 content-length=1|D5 c.|H3 200 content-length=2|D3 bb.|H1 200 "
	  "content-length=2|D1 ad.|",
	  NULL, false },
	{ "body of unknown length", "P O1/echo D1:ab D1:cd F1:e",
	  "H1 200 content-length=5|D1 abcde.|", "POST /echo body|end 5|", false },
	{ "counted body", "P H1:4:" POSTS ",content-length=2 D1:a F1:b",
	  "H1 200 content-length=2|D1 ab.|", "POST /echo counted|end 2|", false },
	{ "end without a byte", "P O1/echo D1:ab F1:", "H1 200 content-length=2|D1 ab.|", NULL,
	  false },
	{ "trailers", "P O1/echo D1:ab T1:x-sum=1,content-length=9",
	  "H1 200 content-length=2|D1 ab.|", "POST /echo body|end 2 trailers|", false },
	{ "trailers in the answer", "P G1/chunked", "H1 200 x-kept=Y|D1 hello world|H1 x-sum=7.|",
	  NULL, false },
	{ "HEAD", "P H1:5::method=HEAD,:scheme=http,:authority=a,:path=/x",
	  "H1 200 content-length=5.|", NULL, false },
	{ "204", "P G1/none G3/empty", "H1 204.|H3 200 content-length=0.|", NULL, false },
	{ "interim answer", "P G1/interim", "H1 103|" OK5("1"), NULL, false },
	{ "early answer", "P O1/early D1:abc D1:def F1:g G3/x",
	  "H1 413 content-length=2|D1 no.|R1:0|" OK5("3"), "POST /early body|GET /x|end 0|",
	  false },
	{ "dropped", "P G1/drop G3/x", "R1:8|" OK5("3"), NULL, false },
	{ "cut", "P G1/cut G3/short G5/x", "R1:2|H3 200 content-length=10|D3 hello|R3:2|" OK5("5"),
	  NULL, false },
	{ "CONNECT", "P H1:4::method=CONNECT,:authority=b:1 D1:raw F1:end", "H1 200|D1 rawend.|",
	  "CONNECT b:1|end 0|tunnel end|", false },
	{ "PING", "P I:abcdefgh", "i:abcdefgh|", "", false },
	{ "priority is checked, not obeyed",
	  "P X:000005020000000003000000010f G3/x X:00000502000000000700000003ff", OK5("3"), NULL,
	  false },
	{ "unknown frames and flags", "P X:000003ff7f00000001616263 H1:55:" PSEUDO, OK5("1"), NULL,
	  false },
	{ "padding and priority",
	  "P X:00000e012d0000000102000000000f8286844101610000 O3/echo "
	  "X:0000050009000000030261620000",
	  OK5("1") "H3 200 content-length=2|D3 ab.|", "GET /|end 0|POST /echo body|end 2|", false },
	{ "window of the peer", "P:4=3 G1/x W1:1", "H1 200 content-length=5|D1 hell|", NULL,
	  false },
	{ "window grows", "P:4=3 G1/x W1:1 W1:1", OK5("1"), NULL, false },
	{ "window set later", "P:4=0 G1/x S:4=4 W1:1", OK5("1"), NULL, false },
	{ "window below zero", "P:4=4 G1/x S:4=0 W1:4", "H1 200 content-length=5|D1 hell|", NULL,
	  false },
	{ "and above again", "P:4=4 G1/x S:4=0 W1:5", OK5("1"), NULL, false },
	{ "graceful stop",
	  "P O1/echo G3/stop G5/x X:0000080601000000007765697273746f70 G7/x F1:abc",
	  "Y:2147483647:0|I:weirstop|" OK5("3") OK5("5") "Y:5:0|H1 200 content-length=3|D1 abc.|",
	  "POST /echo body|GET /stop|end 0|GET /x|end 0|end 3|", true },
	{ "connection asked to end", "P G1/leave X:0000080601000000007765697273746f70 G3/x",
	  "H1 200 content-length=3|Y:2147483647:0|I:weirstop|D1 bye.|Y:1:0|", NULL, true },
};

/* What ends a stream, and nothing else (S78). */
static const struct h2_case faults[] = {
	{ "method twice", SIBLING("H3:5:" PSEUDO ",:method=GET"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "no path", SIBLING("H3:5::method=GET,:scheme=http,:authority=a"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "empty path", SIBLING("H3:5::method=GET,:scheme=http,:path=,:authority=a"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "no scheme", SIBLING("H3:5::method=GET,:path=/,:authority=a"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "pseudo-field behind", SIBLING("H3:5::method=GET,:scheme=http,a=b,:path=/"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "unknown pseudo-field", SIBLING("H3:5:" PSEUDO ",:other=1"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "status in a request", SIBLING("H3:5:" PSEUDO ",:status=200"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "upper case", SIBLING("H3:5:" PSEUDO ",X-a=b"), BAD("3", "400") SURVIVED, NULL, false },
	{ "connection field", SIBLING("H3:5:" PSEUDO ",connection=close"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "transfer-encoding", SIBLING("H3:4:" PSEUDO ",transfer-encoding=chunked"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "te", SIBLING("H3:5:" PSEUDO ",te=gzip"), BAD("3", "400") SURVIVED, NULL, false },
	{ "te trailers is good", SIBLING("H3:5:" PSEUDO ",te=trailers"), OK5("3") SURVIVED, NULL,
	  false },
	{ "more body than announced", SIBLING("H3:4:" POSTS ",content-length=1 D3:ab"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "less body than announced", SIBLING("H3:4:" POSTS ",content-length=3 F3:ab"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "no body where announced", SIBLING("H3:5:" POSTS ",content-length=3"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "trailers without an end", SIBLING("O3/echo H3:4:a=b"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "pseudo-field in trailers", SIBLING("O3/echo T3::path=/"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "CONNECT with a path", SIBLING("H3:4::method=CONNECT,:authority=b:1,:path=/"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "reset by the client", SIBLING("G3/hang R3:8"), SURVIVED,
	  "POST /echo body|GET /hang|end "
	  "0|failed 2 0|end 3|",
	  false },
	{ "window grows by nothing", SIBLING("G3/hang W3:0"), "R3:1|" SURVIVED, NULL, false },
	{ "window too large", SIBLING("G3/hang W3:2147483647"), "R3:3|" SURVIVED, NULL, false },
	{ "DATA behind the end", SIBLING("G3/hang D3:x"), "R3:5|" SURVIVED, NULL, false },
	{ "headers behind the end", SIBLING("G3/hang T3:a=b"), "R3:5|" SURVIVED, NULL, false },
	{ "DATA for a stream that is over", SIBLING("G3/x D3:x"), OK5("3") "R3:5|" SURVIVED, NULL,
	  false },
	{ "headers for one", SIBLING("G3/x T3:a=b"), OK5("3") "R3:5|" SURVIVED, NULL, false },
	{ "PRIORITY of 4", SIBLING("G3/hang X:00000402000000000300000001"), "R3:6|" SURVIVED, NULL,
	  false },
	{ "depends on itself", SIBLING("G3/hang X:00000502000000000300000003ff"), "R3:1|" SURVIVED,
	  NULL, false },
	{ "no Host", SIBLING("H3:5::method=GET,:scheme=http,:path=/x"),
	  "H3 400 content-length=0.|" SURVIVED, NULL, false },
	{ "S85: Host and :authority differ", SIBLING("H3:5:" PSEUDO ",host=b"),
	  "H3 400 content-length=0.|" SURVIVED, NULL, false },
	{ "S85: Host and :authority agree", SIBLING("H3:5:" PSEUDO ",host=A"), OK5("3") SURVIVED,
	  NULL, false },
	{ "S85: Host alone", SIBLING("H3:5::method=GET,:scheme=http,:path=/x,host=a"),
	  OK5("3") SURVIVED, NULL, false },
	{ "path above the root", SIBLING("G3/../x"), "H3 400 content-length=0.|" SURVIVED, NULL,
	  false },
};

/* What ends the connection: the code of its GOAWAY (RFC 9113 5.4.1). */
static const struct h2_case ends[] = {
	{ "no preface", "X:474554202f20485454502f312e310d0a", "Y:0:1|", NULL, true },
	{ "no SETTINGS", "X:505249202a20485454502f322e300d0a0d0a534d0d0a0d0a G1/x", "Y:0:1|", NULL,
	  true },
	{ "even stream", "P G2/x", "Y:0:1|", NULL, true },
	{ "lower stream", "P G5/x G3/x", OK5("5") "Y:5:1|", NULL, true },
	{ "DATA on an idle stream", "P D1:x", "Y:0:1|", NULL, true },
	{ "RST_STREAM on an idle stream", "P R1:8", "Y:0:1|", NULL, true },
	{ "WINDOW_UPDATE on an idle stream", "P W1:1", "Y:0:1|", NULL, true },
	{ "window grows by nothing", "P W0:0", "Y:0:1|", NULL, true },
	{ "window too large", "P W0:2147483647", "Y:0:3|", NULL, true },
	{ "CONTINUATION of nothing", "P X:00000009040000000100", "Y:0:1|", NULL, true },
	{ "something inside a list", "P H1:0:" PSEUDO " I:abcdefgh", "Y:0:1|", NULL, true },
	{ "CONTINUATION of another", "P H1:0:" PSEUDO " X:000000090400000003", "Y:0:1|", NULL,
	  true },
	{ "bad compression", "P X:000001010500000001ff G3/x", "Y:1:9|", NULL, true },
	{ "cut compression", "P X:00000201050000000100ff", "Y:1:9|", NULL, true },
	{ "frame too large", "P X:004001000000000001", "Y:0:6|", NULL, true },
	{ "SETTINGS of 5", "P X:0000050400000000000000000000", "Y:0:6|", NULL, true },
	{ "S75: ENABLE_PUSH 2", "P S:2=2", "Y:0:1|", NULL, true },
	{ "window of SETTINGS", "P S:4=2147483648", "Y:0:3|", NULL, true },
	{ "window of SETTINGS makes another too large", "P G1/hang W1:2147418112 S:4=65536",
	  "Y:1:3|", "GET /hang|end 0|failed 2 0|", true },
	{ "S75: push", "P X:000004050400000001000000020000", "Y:0:1|", NULL, true },
	{ "more padding than payload", "P O1/hang X:000001000800000001ff", "Y:1:1|", NULL, true },
	{ "siblings hear of it", "P O1/echo G3/hang D9:x", "Y:3:1|",
	  "POST /echo body|GET /hang|end 0|failed 2 0|failed 2 0|", true },
};

#endif
