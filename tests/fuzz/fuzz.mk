# SPDX-License-Identifier: Apache-2.0
# The fuzz programs, with clang's libFuzzer: make -f tests/fuzz/fuzz.mk B=build programs
# A program that includes compiler/ gets the compiler's objects, any other the runtime's.

B ?= build
CLANG ?= clang
F := $(B)/fuzz

include compiler/sources.mk
include runtime/sources.mk

COMPILER_SRC := $(WEIR_FRONT_SRC) $(WEIR_MIDDLE_SRC) $(WEIR_REGULAR_SRC) $(WEIR_READ_SRC) $(WEIR_PROOF_SRC) $(WEIR_COMPARE_SRC) $(WEIR_BACK_SRC) $(WEIR_LINT_SRC)
RUNTIME_SRC := $(RT_CORE_SRC) $(RT_NET_SRC) $(RT_HTTP_SRC) $(RT_PROXY_SRC) $(RT_OPS_SRC)
PROGRAMS := $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
of_compiler = $(shell grep -l '"compiler/' tests/fuzz/fuzz_$(1).c)

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -w -I. -DWEIR_TEST -DWEIR_VERSION='"fuzz"' $(SANITIZE)
obj = $(patsubst %.c,$(F)/obj/%.o,$(1))

.PHONY: programs
.SECONDARY:
programs: $(addprefix $(F)/,$(PROGRAMS))

COVERAGE := -fsanitize=fuzzer-no-link
# Comparisons inside automata and proofs are many and say little about the input: they are not traced.
ENGINE := $(filter compiler/regular/dfa% compiler/regular/nfa% compiler/regular/word%,$(WEIR_REGULAR_SRC)) $(WEIR_PROOF_SRC) $(WEIR_COMPARE_SRC)
$(call obj,$(ENGINE)): COVERAGE := -fsanitize-coverage=inline-8bit-counters,pc-table,indirect-calls
$(F)/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(CLANG) $(CFLAGS) $(COVERAGE) -MMD -MP -c -o $@ $<

$(F)/libcompiler.a: $(call obj,$(COMPILER_SRC) $(RT_BASE_SRC))
	@rm -f $@ && $(AR) rcs $@ $^
$(F)/libruntime.a: $(call obj,$(RUNTIME_SRC) $(RT_BASE_SRC))
	@rm -f $@ && $(AR) rcs $@ $^

define program
$(F)/$(1): $(F)/obj/tests/fuzz/fuzz_$(1).o $(F)/lib$(if $(call of_compiler,$(1)),compiler,runtime).a
	@$(CLANG) $(CFLAGS) -fsanitize=fuzzer -o $$@ $$^ -lpcre2-8 -lcrypto -lpthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

-include $(shell find $(F)/obj -name '*.d' 2>/dev/null)
