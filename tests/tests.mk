# SPDX-License-Identifier: Apache-2.0
# Tests. `make check` runs tools/check.sh, which calls the targets below, some of them under sanitizers.
# A unit test file tests/unit/LAYER/test_NAME.c exports Suite *NAME_suite(void); nothing else registers it.

UNIT_COMPILER := $(sort $(wildcard tests/unit/compiler/test_*.c))
UNIT_RUNTIME := $(sort $(foreach d,base core net http proxy ops,$(wildcard tests/unit/$(d)/test_*.c)))
UNIT_HELP_RUNTIME := $(sort $(wildcard tests/unit/runtime_*.c))
UNIT_HELP_COMPILER := $(sort $(wildcard tests/unit/compiler_*.c))

$(O)/unit_%_list.c: tests/tests.mk
	@mkdir -p $(@D)
	@{ echo '#include "tests/unit/suites.h"'; \
	for f in $(UNIT_FILES); do n=$$(basename $$f .c); echo "Suite *$${n#test_}_suite(void);"; done; \
	echo 'const struct suite suites[] = {'; \
	for f in $(UNIT_FILES); do n=$$(basename $$f .c); n=$${n#test_}; echo "	{ \"$$n\", $${n}_suite },"; done; \
	echo '	{ 0 }'; echo '};'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PRECIOUS: $(O)/unit_%_list.c
.PHONY: unit-lists
$(O)/unit_compiler_list.c: UNIT_FILES := $(UNIT_COMPILER)
$(O)/unit_compiler_list.c: $(UNIT_COMPILER)
$(O)/unit_runtime_list.c: UNIT_FILES := $(UNIT_RUNTIME)
$(O)/unit_runtime_list.c: $(UNIT_RUNTIME)

UNIT_CFLAGS = $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-conversion -Wno-format-nonliteral -Wno-format-extra-args
$(O)/obj/tests/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/obj/unit_%_list.o: $(O)/unit_%_list.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -c -o $@ $<

CHECK_LIBS := -lcheck_pic -lsubunit -lm -lrt -lpthread
# The proofs' idea of a request is compared with the proxy's parser, so these tests hold it too.
$(O)/unit-compiler: $(O)/obj/tests/unit/main.o $(O)/obj/unit_compiler_list.o $(call obj,$(UNIT_COMPILER) $(UNIT_HELP_COMPILER)) $(COMPILER_OBJ) $(BASE_OBJ) $(RTLIB)/libweirrt.a
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -pie -o $@ $^ $(CHECK_LIBS) -lpcre2-8 -lssl -lcrypto
# Allocations pass through tests/unit/net/test_conn_open.c, which lets some of them fail.
UNIT_WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=_mark_point
$(O)/unit-runtime: $(O)/obj/tests/unit/main.o $(O)/obj/unit_runtime_list.o $(call obj,$(UNIT_RUNTIME) $(UNIT_HELP_RUNTIME)) $(RUNTIME_OBJ)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -pie $(UNIT_WRAP) -o $@ $^ $(CHECK_LIBS) -lpcre2-8 -lssl -lcrypto -lcrypt

.PHONY: unit-bins
unit-bins: $(O)/unit-compiler $(O)/unit-runtime
unit: unit-bins
	@tests/unit/run $(O)

# A weir with faults that tests/golden/faults/ plants, for what only a fault of weir makes it say.
FAULTY_SRC := $(patsubst tests/golden/faults/%.sed,%.c,$(shell find tests/golden/faults -name '*.sed'))
FAULTY_OBJ := $(patsubst %.c,$(O)/obj/faulty/%.o,$(FAULTY_SRC))
$(O)/obj/faulty/%.c: %.c tests/golden/faults/%.sed
	@mkdir -p $(@D)
	@sed -f tests/golden/faults/$*.sed $< >$@.new
	@if cmp -s $< $@.new; then echo "tests/golden/faults/$*.sed changes nothing" >&2; exit 1; fi
	@mv $@.new $@
$(O)/obj/faulty/%.o: $(O)/obj/faulty/%.c
	$(Q)$(CC) $(UNIT_CFLAGS) -I$(dir $*) -MMD -MP -c -o $@ $<
.PRECIOUS: $(O)/obj/faulty/%.c
$(O)/faulty/weir: $(call obj,$(MAIN_SRC)) $(filter-out $(call obj,$(FAULTY_SRC)),$(COMPILER_OBJ)) $(FAULTY_OBJ) $(BASE_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDHARD) -o $@ $^ -lpcre2-8 -lcrypto

golden: $(O)/weir $(O)/faulty/weir
	@$(PYTHON) tests/golden/run --weir $(O)/weir --faulty $(O)/faulty/weir

e2e: $(O)/weir
	@WEIR=$(abspath $(O))/weir B=$(abspath $(O)) tests/e2e/run

layers:
	@tools/layers.sh

# The configuration library: sites that use it, checked by their own test blocks.
.PHONY: stdlib-tests
stdlib-tests: $(O)/weir
	@for f in tests/stdlib/*.weir; do $(O)/weir lint -Werror $$f && $(O)/weir test $$f || exit 1; done

include tests/lines/lines.mk
include tests/differential/differential.mk
