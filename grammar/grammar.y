/* SPDX-License-Identifier: Apache-2.0 */
/* Grammar of rule lines, acl, param, assert and include, and of the old spellings of rules, which
 * seed_*() constructors turn into the canonical ones. One statement a run; headers, options and the lines of sets, maps and tests are plain words and never come
 * here. Each action is one call. */
%name weir_grammar
%token_prefix TOK_
%token_type {const struct token *}
%extra_argument {struct build *b}
%stack_size 300
%start_symbol line

%include {
#include <assert.h>

#include "../compiler/build.h"
#include "../compiler/seed.h"

/* Lemon's template is not written for these. */
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-variable"
#define YYNOERRORRECOVERY 1
#define weir_grammar_ENGINEALWAYSONSTACK 1

static const struct value_list no_values;
static const struct arg_list no_args;
static const struct chain no_chain;
static const struct cond no_cond;
static const struct expr_list no_exprs;
}
%syntax_error { build_misparse(b, yyminor); }
%stack_overflow { build_too_deep(b); }

/* These are words wherever the grammar has no use of its own for them. Not among them, because
 * a value must quote them: OP AND OR ON UNLESS NOT IF THEN and the signs. */
%fallback WORD DIR WHERE ACT0 ACT1 ACT2 ACT3 ACTN SET SWITCH REDIR RESPOND AUTH UREMAP CAPTURE.
%fallback WORD ADD DEL SETBE REBASE REPLACE OLD1 OLD2.
%fallback WORD AS LEN PREFIX ROPT TYPE HEADER BODY FILE USERS NUM ACL PARAM DEFAULT.
%fallback WORD ASSERT NEVER ALWAYS INCLUDE.

%type val {struct ast_value *}
%type vals {struct value_list}
%type subj {struct ast_subject *}
%type func {struct ast_subject *}
%type what {struct arg_list}
%type rhead {struct arg_list}
%type both {struct ast_expr *}
%type test {struct ast_test *}
%type first {struct ast_test *}
%type args0 {struct arg_list}
%type argsn {struct arg_list}
%type args1 {struct arg_list}
%type args2 {struct arg_list}
%type args3 {struct arg_list}
%type set {struct arg_list}
%type switch {struct arg_list}
%type code {struct arg_list}
%type redir {struct arg_list}
%type respond {struct arg_list}
%type auth {struct arg_list}
%type capture {struct arg_list}
%type uremap {struct arg_list}
%type plain {struct ast_value *}
%type act {struct ast_action *}
%type item {struct item}
%type chain {struct chain}
%type term {struct ast_expr *}
%type expr {struct ast_expr *}
%type ands {struct expr_list}
%type ors {struct expr_list}
%type cond {struct cond}
%type whole {struct cond}

line ::= DIR(D) WHERE(W) chain(C) cond(O).           { build_rule(b, D, W, C, O); }
line ::= DIR(D) WHERE(W) first(T) chain(C) cond(O).  { build_rule(b, D, W, seed_first(b, T, C), O); }
line ::= DIR(D) WHERE(W) IF test(T) THEN chain(C) cond(O). { build_rule(b, D, W, seed_first(b, T, C), O); }
line ::= IF first(T) chain(C) cond(O).               { build_rule(b, NULL, NULL, seed_first(b, T, C), O); }
line ::= IF first(T) THEN chain(C) cond(O).          { build_rule(b, NULL, NULL, seed_first(b, T, C), O); }
line ::= chain(C) cond(O).                           { build_rule(b, NULL, NULL, C, O); }
line ::= DIR WHERE(W) ACLF val(N) RP test(T).        { seed_acl(b, W, N, T); }
line ::= ACL(K) val(N) test(T).                      { build_acl(b, K, N, T, NULL); }
line ::= ACL(K) val(N) ON expr(E).                   { build_acl(b, K, N, NULL, E); }
line ::= PARAM(K) val(N).                            { build_param(b, K, N, NULL); }
line ::= PARAM(K) val(N) DEFAULT val(V).             { build_param(b, K, N, V); }
line ::= ASSERT(K) NEVER act(A) whole(C).            { build_assert(b, K, false, A, C); }
line ::= ASSERT(K) ALWAYS act(A) whole(C).           { build_assert(b, K, true, A, C); }
line ::= INCLUDE STR(P).                             { build_include(b, P); }

chain(X) ::= item(I).                                { X = build_chain(b, no_chain, I); }
chain(X) ::= chain(C) SEMI item(I).                  { X = build_chain(b, C, I); }
item(X) ::= act(A).                                  { X = build_item(b, A, false, NULL); }
item(X) ::= act(A) test(T).                          { X = build_item(b, A, false, T); }
item(X) ::= act(A) NOT test(T).                      { X = build_item(b, A, true, T); }
item(X) ::= act(A) BANG test(T).                     { X = build_item(b, A, true, T); }
item(X) ::= act(A) ACL(K) expr(E).                   { X = seed_condition(b, A, K, E, false); }
item(X) ::= act(A) ACLF(K) expr(E) RP.               { X = seed_condition(b, A, K, E, false); }
item(X) ::= act(A) NOT ACLF(K) expr(E) RP.           { X = seed_condition(b, A, K, E, true); }
item(X) ::= act(A) BANG ACLF(K) expr(E) RP.          { X = seed_condition(b, A, K, E, true); }
item(X) ::= SWITCH(W) first(T) val(V).               { X = seed_switch(b, W, T, V, NULL); }
item(X) ::= SWITCH(W) first(T) val(V) COLON STR(M).  { X = seed_switch(b, W, T, V, M); }
item(X) ::= REPLACE(W) first(T) val(V).              { X = seed_replace(b, W, T, V); }
item(X) ::= OLD1(W) val(V).                          { X = seed_item(b, W, V, NULL); }
item(X) ::= OLD2(W) val(V) val(N).                   { X = seed_item(b, W, V, N); }

act(X) ::= ACT0(W).                                  { X = build_action(b, W, no_args); }
act(X) ::= ACTN(W) argsn(L).                         { X = build_action(b, W, L); }
act(X) ::= ACT1(W) args1(L).                         { X = build_action(b, W, L); }
act(X) ::= ACT2(W) args2(L).                         { X = build_action(b, W, L); }
act(X) ::= ACT3(W) args3(L).                         { X = build_action(b, W, L); }
act(X) ::= ADD(W) val(N) val(V).                     { X = seed_add(b, W, N, V); }
act(X) ::= ADD(W) SUBJ(S) OP(O) val(V).              { X = seed_add_line(b, W, S, O, V); }
act(X) ::= DEL(W) val(V).                            { X = build_action(b, W, build_arg(b, no_args, V)); }
act(X) ::= DEL(W) func(S).                           { X = seed_delete(b, W, S); }
act(X) ::= SETBE(W) val(V).                          { X = build_action(b, W, build_arg(b, no_args, V)); }
act(X) ::= SETBE val(V) REBASE(W) val(O) val(N).     { X = seed_rebase(b, W, V, O, N); }
act(X) ::= REPLACE(W) plain(V).                      { X = build_action(b, W, build_arg(b, no_args, V)); }
act(X) ::= SET(W) set(L).                            { X = build_action(b, W, L); }
act(X) ::= SWITCH(W) switch(L).                      { X = build_action(b, W, L); }
act(X) ::= REDIR(W) redir(L).                        { X = build_action(b, W, L); }
act(X) ::= RESPOND(W) respond(L).                    { X = build_action(b, W, L); }
act(X) ::= AUTH(W) auth(L).                          { X = build_action(b, W, L); }
act(X) ::= UREMAP(W) uremap(L).                      { X = build_action(b, W, seed_uriremap(b, L)); }
act(X) ::= CAPTURE(W) capture(L).                    { X = build_action(b, W, L); }

argsn(X) ::= .                                       { X = no_args; }
argsn(X) ::= argsn(L) NUM(T).                        { X = build_arg_word(b, L, T, NULL); }
args1(X) ::= val(V).                                 { X = build_arg(b, no_args, V); }
args2(X) ::= args1(L) val(V).                        { X = build_arg(b, L, V); }
args3(X) ::= args2(L) val(V).                        { X = build_arg(b, L, V); }
set(X) ::= args2(L).                                 { X = L; }
set(X) ::= args0(L) val(V).                          { X = seed_set(b, L, V); }
args0(X) ::= func(S).                                { X = build_arg_subject(b, no_args, S); }
switch(X) ::= args1(L).                              { X = L; }
switch(X) ::= args1(L) COLON STR(T).                 { X = build_arg_word(b, L, T, NULL); }
code(X) ::= .                                        { X = no_args; }
code(X) ::= NUM(T).                                  { X = build_arg_word(b, no_args, T, NULL); }
redir(X) ::= code(L) plain(V).                       { X = build_arg(b, L, V); }
redir(X) ::= code(L) SCHEME(W) val(V).               { X = build_arg_word(b, L, W, V); }
redir(X) ::= code(L) PREFIX(W) val(V).               { X = build_arg_word(b, L, W, V); }
redir(X) ::= redir(L) ROPT(T).                       { X = build_arg_word(b, L, T, NULL); }
respond(X) ::= WORD(T).                              { X = build_arg_word(b, no_args, T, NULL); }
respond(X) ::= code(L).                              { X = L; }
respond(X) ::= respond(L) TYPE(W) val(V).            { X = build_arg_word(b, L, W, V); }
respond(X) ::= respond(L) BODY(W) val(V).            { X = build_arg_word(b, L, W, V); }
respond(X) ::= respond(L) FILE(W) val(V).            { X = build_arg_word(b, L, W, V); }
respond(X) ::= rhead(L) val(V).                      { X = build_arg(b, L, V); }
rhead(X) ::= respond(L) HEADER(W) val(N).            { X = build_arg_word(b, L, W, N); }
auth(X) ::= args1(L) USERS(W) val(V).                { X = build_arg_word(b, L, W, V); }
uremap(X) ::= args2(L).                              { X = L; }
uremap(X) ::= args2(L) plain(V).                     { X = build_arg(b, L, V); }
capture(X) ::= what(L) AS(W) val(V).                 { X = build_arg_word(b, L, W, V); }
what(X) ::= subj(S).                                 { X = build_arg_subject(b, no_args, S); }
capture(X) ::= capture(L) LEN(W) val(V).             { X = build_arg_word(b, L, W, V); }

test(X) ::= subj(S).                                 { X = build_test(b, S, NULL, no_values); }
test(X) ::= subj(S) OP(O) vals(L).                   { X = build_test(b, S, O, L); }
test(X) ::= subj(S) OP(O) FILE val(V).               { X = build_test_from(b, S, O, VALS_FILE, V); }
test(X) ::= subj(S) OP(O) SET val(V).                { X = build_test_from(b, S, O, VALS_SET, V); }
first(X) ::= subj(S) OP(O) val(V).                   { X = build_test(b, S, O, build_values(b, no_values, V)); }
subj(X) ::= SUBJ(T).                                 { X = build_subject(b, T); }
subj(X) ::= func(S).                                 { X = S; }
func(X) ::= FUNC(T).                                 { X = build_subject(b, T); }
subj(X) ::= SCHEME(T).                               { X = build_subject(b, T); }
vals(X) ::= val(V).                                  { X = build_values(b, no_values, V); }
vals(X) ::= vals(L) val(V).                          { X = build_values(b, L, V); }
val(X) ::= WORD(T).                                  { X = build_value(b, T); }
val(X) ::= SUBJ(T).                                  { X = build_value(b, T); }
val(X) ::= SCHEME(T).                                { X = build_value(b, T); }
val(X) ::= STR(T).                                   { X = build_value(b, T); }
plain(X) ::= WORD(T).                                { X = build_value(b, T); }
plain(X) ::= STR(T).                                 { X = build_value(b, T); }

cond(X) ::= .                                        { X = no_cond; }
cond(X) ::= whole(C).                                { X = C; }
whole(X) ::= ON(T) expr(E).                          { X = build_cond(b, T, E); }
whole(X) ::= UNLESS(T) expr(E).                      { X = build_cond(b, T, E); }
expr(X) ::= ors(L).                                  { X = build_join(b, EXPR_OR, L); }
ors(X) ::= both(E).                                  { X = build_exprs(b, no_exprs, E); }
ors(X) ::= ors(L) COMMA both(E).                     { X = build_exprs(b, L, E); }
ors(X) ::= ors(L) OR both(E).                        { X = build_exprs(b, L, E); }
both(X) ::= ands(L).                                 { X = build_join(b, EXPR_AND, L); }
ands(X) ::= term(E).                                 { X = build_exprs(b, no_exprs, E); }
ands(X) ::= ands(L) term(E).                         { X = build_exprs(b, L, E); }
ands(X) ::= ands(L) AND term(E).                     { X = build_exprs(b, L, E); }
term(X) ::= WORD(T).                                 { X = build_name(b, T); }
term(X) ::= BANG(T) term(E).                         { X = build_not(b, T, E); }
term(X) ::= NOT(T) term(E).                          { X = build_not(b, T, E); }
term(X) ::= LP(F) test(T) RP(R).                     { X = build_bracket(b, F, T, R); }
term(X) ::= LP expr(E) RP.                           { X = E; }

%code {
void grammar_run(struct build *b)
{
	yyParser parser;

	weir_grammarInit(&parser);
	for (b->fed = 0; b->fed < b->n && !b->failed; b->fed++)
		weir_grammar(&parser, b->tokens[b->fed].kind, &b->tokens[b->fed], b);
	if (!b->failed)
		weir_grammar(&parser, 0, NULL, b);
	weir_grammarFinalize(&parser);
}
}
