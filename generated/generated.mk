# SPDX-License-Identifier: Apache-2.0
# Outputs of re2c and Lemon are checked in, so that a build needs neither. After a change of grammar/:
#   make generated          makes them anew
#   make check-generated    fails when the checked-in ones are not what the sources give

RE2C ?= re2c
LEMON ?= lemon
RE2C_FLAGS := -W --no-generation-date --no-version

.PHONY: generated check-generated editors
# Colours of editors, from the tables of the language; tools/editors.py --check tells whether they are current.
editors:
	@$(PYTHON) tools/editors.py
generated:
	$(RE2C) $(RE2C_FLAGS) -o generated/lexer.c grammar/lexer.re
	$(LEMON) -q -dgenerated grammar/grammar.y

check-generated:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	cp -R grammar generated "$$dir" && cd "$$dir" && \
	$(RE2C) $(RE2C_FLAGS) -o generated/lexer.c grammar/lexer.re && \
	$(LEMON) -q -dgenerated grammar/grammar.y && \
	for f in lexer.c grammar.c grammar.h; do \
		cmp "generated/$$f" "$(CURDIR)/generated/$$f" || exit 1; \
	done
