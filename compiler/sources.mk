# SPDX-License-Identifier: Apache-2.0
# The compiler's sources, in the order of a configuration's way. compiler/main.c is apart.

WEIR_READ_SRC := compiler/program_io.c compiler/program_rule.c compiler/program_site.c compiler/program_text.c \
	compiler/program_write.c compiler/program_read.c compiler/request.c compiler/interp_conv.c compiler/interp_value.c \
	compiler/interp_test.c compiler/interp_edit.c compiler/interp_answer.c compiler/interp_start.c compiler/interp_doubt.c compiler/interp.c \
	compiler/show.c compiler/explain.c compiler/expect.c compiler/coverage.c compiler/testrun.c compiler/diff.c compiler/diff_rules.c compiler/diff_print.c

WEIR_FRONT_SRC := compiler/source.c compiler/diag.c compiler/diag_text.c compiler/diag_help.c compiler/diag_key.c \
	compiler/comment.c compiler/keyword.c compiler/lex.c generated/lexer.c \
	compiler/subject.c compiler/build.c compiler/seed.c compiler/misparse.c generated/grammar.c compiler/parse.c compiler/ast_dump.c compiler/canon.c compiler/fmt.c \
	compiler/udiff.c

WEIR_MIDDLE_SRC := compiler/symbol.c compiler/value.c compiler/model.c compiler/resolve.c compiler/resolve_option.c \
	compiler/option.c compiler/resolve_link.c compiler/option_line.c compiler/option_tls.c compiler/option_bind.c compiler/option_check.c compiler/option_cookie.c compiler/lower_table.c \
	compiler/lower_subject.c compiler/lower_text.c compiler/lower_test.c compiler/lower_cond.c compiler/lower_action.c compiler/lower_answer.c \
	compiler/lower_edit.c compiler/lower_rule.c compiler/lower_assert.c compiler/lower_checkpoint.c compiler/check_flow.c compiler/check_site.c compiler/lower.c

WEIR_REGULAR_SRC := compiler/regular/re.c compiler/regular/re_class.c compiler/regular/re_atomic.c \
	compiler/regular/re_parse.c compiler/regular/nfa.c compiler/regular/dfa.c compiler/regular/dfa_raw.c \
	compiler/regular/dfa_minimise.c compiler/regular/dfa_build.c compiler/regular/dfa_pair.c compiler/regular/dfa_concat.c \
	compiler/regular/word.c compiler/regular/word_list.c compiler/regular/literal.c compiler/regular/literal_of.c compiler/regular/redos.c \
	compiler/proof/universe.c compiler/proof/universe_path.c

# What is true of every request: proofs over the rule program.
WEIR_PROOF_SRC := compiler/proof/field.c compiler/proof/atom.c compiler/proof/universe_text.c compiler/proof/dnf.c \
	compiler/proof/left.c compiler/proof/state.c compiler/proof/watch.c compiler/proof/sample.c compiler/proof/solve.c compiler/proof/model.c \
	compiler/proof/model_line.c compiler/proof/model_target.c compiler/proof/model_host.c compiler/proof/model_cookie.c compiler/proof/context.c compiler/proof/choice.c compiler/proof/ways.c \
	compiler/proof/search.c compiler/proof/witness.c compiler/proof/proof.c compiler/proof/proof_assert.c compiler/proof/query.c \
	compiler/proof/lint_assert.c compiler/proof/lint_values.c compiler/proof/lint_choices.c compiler/proof/lint_holes.c compiler/proof/lint_servers.c \
	compiler/proof/lint_reach.c compiler/proof/lint.c compiler/proof/clash.c \
	compiler/proof/lint_redundant.c compiler/proof/lint_loop.c compiler/proof/lint_writes.c \
	compiler/proof/lint_alike.c compiler/proof/lint_stale.c compiler/proof/lint_overlap.c

# Findings about security, each with a request that was run.
WEIR_PROOF_SRC += compiler/proof/lint_show.c compiler/proof/domain.c compiler/proof/lint_names.c compiler/proof/lint_bypass.c \
	compiler/proof/lint_targets.c compiler/proof/lint_trust.c compiler/proof/lint_forwarded.c compiler/proof/lint_rebase.c

# What is left out of binaries.
WEIR_PROOF_SRC += compiler/proof/prune.c

# Which requests two programs treat differently.
WEIR_COMPARE_SRC := compiler/compare/join.c compiler/compare/mates.c compiler/compare/front.c compiler/compare/cull.c \
	compiler/compare/backend.c compiler/compare/writes.c compiler/compare/ask.c compiler/compare/class.c compiler/compare/quick.c compiler/compare/ends.c compiler/compare/pair.c \
	compiler/diff_entries.c compiler/diff_report.c compiler/diff_report_json.c compiler/diff_html.c compiler/diff_tests.c compiler/diff_replay.c compiler/git.c \
	compiler/test_write.c compiler/cmd_gen.c

WEIR_BACK_SRC := compiler/emit_table.c compiler/emit_value.c compiler/emit_file.c compiler/emit_action.c compiler/emit_rule.c \
	compiler/emit_section.c compiler/emit.c compiler/decide/effect.c compiler/decide/factor.c \
	compiler/decide/pattern.c compiler/decide/clause.c compiler/decide/tree.c compiler/decide/finder.c \
	compiler/decide/range.c compiler/decide/automaton.c compiler/decide/regex.c compiler/decide/product.c compiler/decide/worst.c compiler/decide/watch.c compiler/decide/values.c compiler/decide/decide.c \
	compiler/embed.c compiler/out_row.c compiler/out.c compiler/paths.c \
	compiler/cc.c compiler/report.c compiler/binary.c compiler/cmd.c compiler/cmd_build.c compiler/cmd_run.c \
	compiler/cmd_site.c compiler/settings.c compiler/order.c compiler/cmd_request.c compiler/cmd_explain.c \
	compiler/why.c compiler/why_needs.c compiler/cmd_why.c compiler/query_read.c compiler/query.c compiler/cmd_query.c \
	compiler/replay_log.c compiler/replay_judge.c compiler/replay.c compiler/replay_report.c compiler/cmd_replay.c compiler/graph.c compiler/graph_dot.c compiler/cmd_graph.c compiler/cmd_fmt.c compiler/cmd_diff.c \
	compiler/cmd_inspect.c

WEIR_LINT_SRC := compiler/diag_form.c compiler/diag_sarif.c compiler/lint_select.c compiler/lint_ignore.c \
	compiler/lint_baseline.c compiler/lint_text.c compiler/lint_form.c compiler/lint_program.c compiler/lint_values.c compiler/lint_framing.c compiler/lint_literal.c compiler/lint_regex.c \
	compiler/lint_tests.c compiler/lint_fix.c compiler/lint.c compiler/cmd_lint.c compiler/cmd_code.c compiler/editor/json.c \
	compiler/editor/place.c compiler/editor/names.c compiler/editor/words.c compiler/editor/lsp_check.c \
	compiler/editor/lsp_answer.c compiler/editor/lsp_complete.c compiler/editor/lsp.c compiler/cmd_lsp.c
