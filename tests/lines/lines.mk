# SPDX-License-Identifier: Apache-2.0
# The recorder of tests/lines/run takes the calls that SAN=thread puts before each store; it is not compiled so itself.
.PHONY: lines
lines: $(RTLIB)/.headers $(O)/obj/tests/lines/recorder.o $(O)/canary
$(O)/obj/tests/lines/recorder.o: SANFLAGS :=
$(O)/canary: $(O)/obj/tests/lines/canary.o $(O)/obj/tests/lines/recorder.o
	$(Q)$(CC) $(CFLAGS) -pie -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset -o $@ $^ -lpthread
