/* SPDX-License-Identifier: Apache-2.0 */
/* Each row is a site, a request and what must come of it, in the words of a test block: one row
 * a sentence of docs/language.md. */
#include "../../../compiler/interp.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../../../compiler/explain.h"
#include "../../../compiler/testrun.h"
#include "../compiler_front.h"

Suite *interp_suite(void);

static struct arena arena;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&arena);
}

/* What every row's site ends with; the row gives the frontend's rules, or other sections before. */
#define REST                                                                                       \
	"\ndefault_backend app\n"                                                                  \
	"backend app\n server a 10.0.0.1:80\n"                                                     \
	"backend b1\n server a 10.0.0.1:80\n"                                                      \
	"backend b2\n server a 10.0.0.1:80\n"
#define WWW "frontend www\n bind :80\n "

static const struct {
	const char *site, *test;
} rows[] = {
	/* 3: absent subjects, several values and occurrences, negation, case, boundaries */
	{ WWW "req in deny h(x) == a" REST, "request GET / \n expect backend app" },
	{ WWW "req in deny h(x) != a" REST, "request GET / \n expect deny 403" },
	{ WWW "req in deny h(x) == a b" REST,
	  "request GET / header X c header x B \n expect deny" },
	{ WWW "req in deny h(x) != a b" REST,
	  "request GET / header X c header x B \n expect backend app" },
	{ WWW "req in deny H(x) == b" REST, "request GET / header X B \n expect backend app" },
	{ WWW "req in deny h(x) == \"b\"c" REST, "request GET / header X B \n expect backend app" },
	{ WWW "req in deny H(x) == \"b\"i" REST, "request GET / header X B \n expect deny" },
	{ WWW "req in deny path =^ \"/api\"b" REST,
	  "request GET /apiary \n expect backend app \n request GET /API/x \n expect deny \n "
	  "request GET /api \n expect deny" },
	{ WWW "req in deny host =* \"a.example\"b" REST,
	  "request GET / host xa.example \n expect backend app \n request GET / host x.a.example "
	  "\n expect deny" },
	{ WWW "req in deny host =. www" REST, "request GET / host a.www.b \n expect deny \n "
					      "request GET / host awww.b \n expect backend app" },
	{ WWW "req in deny path =/ adm" REST,
	  "request GET /x/adm/y \n expect deny \n request GET /x/admin \n expect backend app" },
	{ WWW "req in deny path =% adm" REST, "request GET /x/XadmX \n expect deny" },
	{ WWW "req in deny h(x)" REST, "request GET / header x \"\" \n expect deny" },
	{ WWW "req in deny not h(x)" REST, "request GET / \n expect deny" },
	{ WWW "req in deny src == 10.0.0.0/8 2001:db8::/32" REST,
	  "request GET / src 10.9.9.9 \n expect deny \n request GET / src 2001:db8::1 \n expect "
	  "deny \n request GET / src 11.0.0.1 \n expect backend app \n request GET / src "
	  "::ffff:10.0.0.1 \n expect deny" },
	{ WWW "req in deny src_port < 1024" REST,
	  "request GET / src 10.0.0.1:1023 \n expect deny \n request GET / src 10.0.0.1:1024 \n "
	  "expect backend app" },
	{ WWW "req in deny dst_port == 80:90" REST,
	  "request GET / dst 10.0.0.1:90 \n expect deny" },
	{ WWW "req in deny len(uri) > 3" REST,
	  "request GET /abc \n expect deny \n request GET /ab \n expect backend app" },
	{ WWW "req in deny count(h(x)) == 2" REST,
	  "request GET / header x 1 header x 2 \n expect deny \n request GET / header x 1,2 \n "
	  "expect backend app" },
	{ WWW "req in deny h(x)|list == b" REST,
	  "request GET / header x \"a, b\" \n expect deny \n request GET / header x '\"a, b\"' \n "
	  "expect backend app" },
	{ WWW "req in deny c(s) == 1" REST,
	  "request GET / header cookie \"a=2; s=1\" \n expect deny \n request GET / header cookie "
	  "\"as=1\" \n expect backend app" },
	{ WWW "req in deny q(a) == 1" REST, "request GET \"/?b=1&a=1\" \n expect deny \n request "
					    "GET \"/?b=1\" \n expect backend app" },
	{ WWW "req in deny tls" REST,
	  "request GET / tls \n expect deny \n request GET / \n expect backend app" },
	/* path and host have one spelling; what was tested is what is sent */
	{ WWW "req in deny PATH =^ /admin" REST,
	  "request GET \"//%61dmin/./x\" \n expect deny \n request GET \"/a/..//%7ex%2f?q=//\" \n "
	  "expect uri \"/~x%2F?q=//\"" },
	{ WWW "req in deny on all" REST, "request GET \"/..\" \n expect status 400 noresponse x \n "
					 "request GET \"/%00\" \n expect status 400" },
	{ WWW "req in deny host == a.example" REST,
	  "request GET / host A.Example.:8080 \n expect deny \n request GET \"http://a.example/x\" "
	  "host other \n expect deny" },
	{ WWW "req in deny path == \"*\"" REST, "request OPTIONS \"*\" \n expect deny" },
	{ WWW "req in deny not path" REST, "request CONNECT \"a:443\" \n expect deny" },
	{ WWW "req in deny on all" REST, "request GET / version 1.1 \n expect status 400" },
	/* converters */
	{ WWW "req in set x \"%{h(a)|field(2,.)|upper}\"" REST,
	  "request GET / header a \"q.w.e\" \n expect header x W" },
	{ WWW "req in set x \"%{h(a)|field(-1,.)}-%{h(a)|field(9,.)}\"" REST,
	  "request GET / header a \"q.w.e\" \n expect header x \"e-\"" },
	{ WWW "req in set x \"%{h(a)|sub(/(o+)/,<\\1>)}\"" REST,
	  "request GET / header a \"foo boo\" \n expect header x \"f<oo> boo\"" },
	{ WWW "req in set x \"%{src|mask(24,48)}\"" REST,
	  "request GET / src 10.1.2.3 \n expect header x \"10.1.2.0\"" },
	{ WWW "req in set x \"%{q(a)|urldec}\"" REST,
	  "request GET \"/?a=b%0d%0ac\" \n expect header x \"b  c\" \n request GET \"/?a=%z\" \n "
	  "expect header x \"\"" },
	{ WWW "req in set x \"%{path|nosemi}\"" REST,
	  "request GET \"/a;b/c;d\" \n expect header x \"/a/c\"" },
	{ WWW "req in set x \"%{h(a)|base64}\"" REST,
	  "request GET / header a \"ab\" \n expect header x \"YWI=\"" },
	{ WWW "req in set x \"%{h(a)|json}\"" REST,
	  "request GET / header a 'a\"\\b' \n expect header x 'a\\\"\\\\b'" },
	{ WWW "req in set x \"%{h(a)}\"" REST,
	  "request GET / header a 1 header a 2 \n expect header x \"1, 2\"" },
	{ WWW "req in set x \"%{host|map(m,none)}\"" REST
	      "map m =*\n .a.example short\n .b.a.example long\n",
	  "request GET / host x.b.a.example \n expect header x long \n request GET / host q \n "
	  "expect header x none" },
	{ WWW "req in deny h(q) == set s\n req in deny H(r) == set s" REST
	      "set s\n value a \"b\"c\n",
	  "request GET / header q A \n expect deny \n request GET / header q B \n expect backend "
	  "app \n request GET / header r A \n expect backend app" },
	/* 4: conditions */
	{ "acl a path == /1\nacl a path == /2\nacl n on !a\n" WWW "req in deny on n" REST,
	  "request GET /2 \n expect backend app \n request GET /3 \n expect deny" },
	{ "acl a path == /1\nacl m meth == POST\n" WWW "req in deny on a m, (h(x) == 1) !a" REST,
	  "request GET /1 \n expect backend app \n request POST /1 \n expect deny \n request GET "
	  "/2 header x 1 \n expect deny" },
	{ WWW "req in deny path == /a unless (meth == GET)" REST,
	  "request GET /a \n expect backend app \n request POST /a \n expect deny" },
	{ WWW "req in set host \"new\" host == old\n req in deny host == old\n req in setbe b1 "
	      "host == new" REST,
	  "request GET / host old \n expect backend b1 host new header host new" },
	{ WWW "req in set x 1 ; set y 2 path == /a" REST,
	  "request GET /a \n expect header x 1 header y 2 \n request GET /b \n expect noheader x "
	  "noheader y" },
	/* 5: routing */
	{ WWW "req in setbe b1\n req in setbe b2" REST, "request GET / \n expect backend b1" },
	{ WWW "req in setbe b1\n req in deny path == /x" REST, "request GET /x \n expect deny" },
	{ WWW "req in allow path == /x\n req in deny" REST,
	  "request GET /x \n expect backend app \n request GET / \n expect deny" },
	{ "reqrules r\n default_backend b2\n req in set x 1\n" WWW
	  "req in switch r path == /r\n req in set y 1" REST,
	  "request GET /r \n expect backend b2 header x 1 noheader y \n request GET / \n expect "
	  "backend app header y 1" },
	{ WWW "req in switch %{host|map(m)}\n req in set y 1" REST "map m\n h1 b1\n",
	  "request GET / host h1 \n expect backend b1 noheader y \n request GET / host h2 \n "
	  "expect backend app header y 1" },
	{ "frontend www\n bind :80\n req in setbe b1 path == /1\nbackend b1\n server a "
	  "10.0.0.1:80\n",
	  "request GET / \n expect status 503" },
	{ "listen l\n bind :80\n req in add x 1\n req out add x 2\n rsp out add y 1\n server a "
	  "10.0.0.1:80\n",
	  "request GET / \n expect backend l header x 1 header x 2 response y 1" },
	{ "frontend www\n bind :80\n default_backend q\nbackend q\n server a 10.0.0.1:80 "
	  "disabled\n",
	  "request GET / \n expect status 503" },
	/* edits */
	{ WWW "req in mapuri \"/img\" \"/i\"" REST,
	  "request GET \"/img/x?q\" \n expect uri \"/i/x?q\" \n request GET /img \n expect uri "
	  "\"/i\" \n request GET /imgx \n expect uri \"/imgx\" \n request GET /IMG/x \n expect uri "
	  "\"/IMG/x\"" },
	{ WWW "req in mapuri \"/img/\" \"/\"" REST, "request GET /img/x \n expect uri \"/x\"" },
	{ WWW "req in mapuri \"/img\"i \"/a/\"" REST, "request GET /IMG/x \n expect uri \"/a/x\"" },
	{ WWW "req in rewrite \"^/old/(.*)\" \"/new/\\1\"" REST,
	  "request GET \"/old/a?b\" \n expect uri \"/new/a?b\"" },
	{ WWW "req in rewrite \"^/old\" \"bad\"" REST,
	  "request GET \"/old\" \n expect status 500" },
	{ WWW "req in set path \"%{q(p)|urldec}\"" REST,
	  "request GET \"/?p=/a%20b\" \n expect status 500 \n request GET \"/?p=/a/../../b\" \n "
	  "expect status 500 \n request GET \"/x?p=/c/./d\" \n expect uri \"/c/d?p=/c/./d\"" },
	{ WWW "req in set query \"z=1\"" REST, "request GET \"/a?b\" \n expect uri \"/a?z=1\"" },
	{ WWW "req in set meth PUT" REST, "request GET / \n expect meth PUT" },
	{ WWW "req in reqline \"^GET (.*) HTTP\" \"HEAD /h\\1 HTTP\"" REST,
	  "request GET /x \n expect meth HEAD uri \"/h/x\"" },
	{ WWW "req in rep x \"a\" \"b\"" REST,
	  "request GET / header x aa header X ca \n expect header x ba header x cb" },
	{ WWW "req in delete \"^x-[ab]: \"i" REST,
	  "request GET / header X-A 1 header x-c 1 \n expect noheader x-a header x-c 1" },
	{ WWW "req in append \"X-Q: 1:2\"" REST, "request GET / \n expect header x-q \"1:2\"" },
	{ WWW "req in rem x\n req in add X 9" REST,
	  "request GET / header x 1 \n expect header x 9" },
	{ WWW "req in set x \"\\1\" path =~ \"^/(.)\"" REST,
	  "request GET /qw \n expect header x q" },
	{ WWW "req in setvar v \"%{path}1\"\n req in setbe b1 on (var(v) == \"/a1\")" REST,
	  "request GET /a \n expect backend b1 var v \"/a1\"" },
	{ WWW "req in capture uri as u len 3" REST,
	  "request GET /abcdef \n expect capture u \"/ab\"" },
	/* answers */
	{ WWW "req in redir 301 scheme https" REST,
	  "request GET \"/a?b\" host h \n expect redir 301 location \"https://h/a?b\"" },
	{ WWW "req in redir prefix \"https://o/p/\" drop-query" REST,
	  "request GET \"/a?b\" host h \n expect redir 302 location \"https://o/p/a\"" },
	{ WWW "req in redir \"%{path}\" append-slash" REST,
	  "request GET \"/a\" \n expect redir 302 location \"/a/\"" },
	{ WWW "req in respond 204 header x \"%{path}\"" REST,
	  "request GET \"/a\" \n expect respond 204 response x \"/a\"" },
	{ WWW "req in drop\n rsp out set x 1" REST, "request GET / \n expect drop noresponse x" },
	{ WWW "error 403 redir \"/sorry\"\n req in deny" REST,
	  "request GET / \n expect deny 302 location \"/sorry\"" },
	{ WWW "conn in drop src == 10.0.0.0/8" REST, "request GET / src 10.0.0.1 \n expect drop" },
	/* responses in reverse, made answers, rsprules once per direction */
	{ WWW "req in deny path == /d\n rsp out set f \"%{made}\"" REST,
	  "request GET /d \n expect deny response f 1 \n request GET / \n expect response f 0" },
	{ WWW "rsp out add o front\n default_backend r\nbackend r\n server a 10.0.0.1:80\n rsp in "
	      "add o in\n rsp out add o \"%{h(o)}+out\"\n",
	  "request GET / \n expect response o in response o \"in+out\" response o front" },
	{ WWW "rsp out add o front\n default_backend r\nbackend r\n server a 10.0.0.1:80\n req in "
	      "deny\n rsp in add o in\n rsp out add o back\n",
	  "request GET / \n expect deny response o back response o front" },
	{ WWW "rsp out add o front\n default_backend r\nbackend r\n server a 10.0.0.1:80\n rsp in "
	      "deny on (status == 500)\n rsp out add o back\n",
	  "request GET / \n response 500 header secret 1 \n expect deny 502 noresponse secret "
	  "response o back response o front" },
	{ WWW
	  "default_backend r\nbackend r\n server a 10.0.0.1:80\n rsp in switch s\n rsp in add a "
	  "1\n rsp in switch s\nrsprules s\n rsp in add s \"x%{count(h(s))}\"\n rsp out add t 1\n",
	  "request GET / \n expect response s x0 noresponse q response a 1 response t 1" },
	{ WWW
	  "default_backend r\nbackend r\n server a 10.0.0.1:80\n rsp out set st "
	  "\"%{req.path}|%{req.h(x)}\"\n req in set x left\n req out set x sent ; set path /sent\n",
	  "request GET /was \n expect uri \"/sent\" header x sent response st \"/was|left\"" },
	{ WWW "req in uriremap \"/w/\" b1 \"/\"\n req in uriremap \"/w\" b2 \"/z\"" REST,
	  "request GET /w/a host h \n response 302 header location \"http://h/n?q\" header "
	  "set-cookie \"a=1; Path=/; Secure\" \n expect backend b1 uri \"/a\" location "
	  "\"http://h/w/n?q\" response set-cookie \"a=1; Path=/w/; Secure\" \n request GET /w \n "
	  "expect backend b2 uri \"/z\" \n request GET /w/a host h \n response 302 header location "
	  "\"http://other/n\" \n expect location \"http://other/n\"" },
	{ WWW "rsp out set status 299 on (status == 200:204)\n rsp out rewrite \"^http:\" "
	      "\"https:\"" REST,
	  "request GET / \n response 201 header location \"http://x/\" \n expect status 299 "
	  "location \"https://x/\"" },
	{ WWW "rsp out stsline \"200.*\" \"404 Gone\"" REST, "request GET / \n expect status 404" },
	/* forwarding headers */
	{ "global\n trusted 10.0.0.0/8\n" WWW "forwardfor unless 192.168.0.0/16" REST,
	  "request GET / src 1.2.3.4 header x-forwarded-for evil \n expect header x-forwarded-for "
	  "1.2.3.4 \n request GET / src 192.168.0.1 \n expect noheader x-forwarded-for" },
	/* a regex at its limit is never "no match"; one that is an automaton has none */
	{ WWW "req in deny uri !~ \"^/(a+)+[bc]\\1$\"" REST,
	  "request GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad \n expect status "
	  "500" },
	{ WWW "req in deny uri !~ \"^/(a+)+$\"" REST,
	  "request GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab \n expect status "
	  "403" },
};

START_TEST(sentence_of_the_language)
{
	struct str text =
		arena_printf(&arena, "%s\ntest \"t\"\n %s\n", rows[_i].site, rows[_i].test);
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	unsigned failed = testrun(front_program(&arena, text), f, NULL);

	fclose(f);
	ck_assert_msg(failed == 0, "%s\n%s\n%s", rows[_i].site, rows[_i].test, out);
	free(out);
}
END_TEST

START_TEST(trace_has_every_rule_reached)
{
	struct program *p = front_program(&arena, S(WWW "req in set x 1 path == /no\n req in set y 1 on (meth "
					   "== GET) (path == /)\n req in deny" REST));
	struct request_spec r;
	struct outcome *o;

	request_init(&r);
	request_line(&r, S("GET /"));
	request_finish(&arena, &r);
	o = interp_run(&arena, p, &r, NULL);
	ck_assert_uint_eq(o->nrules, 3);
	ck_assert(!o->rules[0].matched && o->rules[1].matched && o->rules[2].matched);
	ck_assert_uint_eq(o->rules[0].ntests, 1);
	ck_assert(!o->rules[0].tests[0].held && str_eq(o->rules[0].tests[0].subject, S("/")));
	ck_assert_uint_eq(o->rules[1].ntests, 2);
	ck_assert_uint_eq(o->rules[1].neffects, 1);
	ck_assert_int_eq(o->verdict, VERDICT_DENY);
	ck_assert_ptr_eq(o->decided, o->rules[2].rule);
	ck_assert_uint_eq(o->request.headers.n, 2);
	ck_assert(str_eq(o->request.headers.at[1].name, S("y")));
}
END_TEST

START_TEST(failures_are_told_with_both_values)
{
	struct program *p = front_program(&arena, 
		S(WWW REST
		  "test \"a b\"\n request GET /\n expect backend b1\ntest none\n request GET /\n"));
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	ck_assert_uint_eq(testrun(p, f, NULL), 2);
	fclose(f);
	ck_assert_ptr_nonnull(strstr(out, "FAIL a b\n     t.weir:"));
	ck_assert_ptr_nonnull(strstr(out, "expected backend \"b1\", got \"app\""));
	ck_assert_ptr_nonnull(strstr(out, "0 passed, 2 failed\n"));
	free(out);
}
END_TEST

START_TEST(addresses_are_read_and_shown)
{
	struct p_net ip;
	uint16_t port;

	ck_assert(address_read(S("[2001:db8::1]:80"), &ip, &port) && port == 80);
	ck_assert(str_eq(address_text(&arena, &ip), S("2001:db8::1")));
	ck_assert(address_read(S("::ffff:1.2.3.4"), &ip, &port) && port == 0);
	ck_assert(str_eq(address_text(&arena, &ip), S("1.2.3.4")));
	ck_assert(!address_read(S("1.2.3"), &ip, &port) &&
		  !address_read(S("1.2.3.4:0"), &ip, &port) &&
		  !address_read(S("[::1"), &ip, &port));
	ck_assert(!address_read(S("[]"), &ip, &port) && !address_read(S(""), &ip, &port) &&
		  !address_read(S("1.2.3.4:x"), &ip, &port));
}
END_TEST

/* What rules that do not match leave behind is taken back: nothing that counts may be in it. */
START_TEST(brief_runs_end_as_full_ones)
{
	const struct program *p = front_program(&arena, S(
		WWW
		"acl no h(x) == b\n req in deny on no\n"
		"req in set y \"<\\1>\" path =~ \"^/(a+)\"\n"
		"req in deny on (h(y)|lower == zz)\n req in deny on (len(path) > 90)\n"
		"req in setvar v \"%{path}%{h(y)}\" on (h(y) == \"<aaa>\")\n"
		"req in deny on no, (path == /q)\n req in redir \"/%{var(v)}\" on (var(v))" REST));
	struct interp_state brief = { .brief = true };
	struct request_spec r;
	struct outcome *full, *o;

	request_init(&r);
	r.target = S("/aaab");
	fields_add(&arena, &r.headers, S("Host"), S("a.example"));
	full = interp_run(&arena, p, &r, NULL);
	o = interp_run(&arena, p, &r, &brief);
	ck_assert_int_eq(full->verdict, VERDICT_REDIR);
	ck_assert(o->verdict == full->verdict && o->decided == full->decided);
	ck_assert_uint_eq(o->answer.headers.n, full->answer.headers.n);
	for (uint32_t i = 0; i < o->answer.headers.n; i++)
		ck_assert(str_eq(o->answer.headers.at[i].value, full->answer.headers.at[i].value));
	ck_assert(str_eq(o->vars[0], S("/aaab<aaa>")));
	ck_assert_uint_eq(full->nrules, 7);
	ck_assert_uint_eq(o->nrules, 3);
	for (uint32_t i = 0; i < o->nrules; i++)
		ck_assert(o->rules[i].matched && !o->rules[i].ntests && !o->rules[i].neffects);
}
END_TEST

Suite *interp_suite(void)
{
	Suite *s = suite_create("interp");
	TCase *t = tcase_create("interp");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, sentence_of_the_language, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, trace_has_every_rule_reached);
	tcase_add_test(t, failures_are_told_with_both_values);
	tcase_add_test(t, brief_runs_end_as_full_ones);
	tcase_add_test(t, addresses_are_read_and_shown);
	suite_add_tcase(s, t);
	return s;
}
