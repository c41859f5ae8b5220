# SPDX-License-Identifier: Apache-2.0
# Builds and runs the measuring programs. Included by the top GNUmakefile; from the top folder it also works alone:
#	make -f bench/bench.mk B=/tmp/b bench-tools
# `bench` measures $(B)/weir's site if that compiler is there and says "not run" for Weir if not; options go in BENCH,
#	make bench BENCH='--only cpu,instr --rounds 11'

B ?= build
CFLAGS ?= -O2 -g

bench_dir := $(B)/bench
bench_tools := $(bench_dir)/relay $(bench_dir)/origin $(bench_dir)/load
bench_flags := -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2

.PHONY: bench bench-tools
bench: bench-tools
	bench/run --tools $(bench_dir) --weir-compiler $(B)/weir $(BENCH)

bench-tools: $(bench_tools)

# Nanoseconds of the runtime's smallest steps; needs the library, so only from the top folder.
.PHONY: bench-micro bench-steps
bench-steps: $(bench_dir)/micro
bench-micro: $(bench_dir)/micro
	$(bench_dir)/micro
$(bench_dir)/micro: bench/micro.c $(RTLIB)/libweirrt.a
	@mkdir -p $(@D)
	$(CC) $(bench_flags) $(CFLAGS) $(LDFLAGS) -o $@ $< $(RTLIB)/libweirrt.a -lpthread

$(bench_dir)/%: bench/%.c bench/sock.c bench/sock.h
	@mkdir -p $(@D)
	$(CC) $(bench_flags) $(CFLAGS) $(LDFLAGS) -o $@ $< bench/sock.c
