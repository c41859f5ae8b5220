# SPDX-License-Identifier: Apache-2.0
# The interpreter as a program that tests/differential/run asks.

$(O)/differential-oracle: $(call obj,tests/differential/oracle.c) $(COMPILER_OBJ) $(BASE_OBJ)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDHARD) -o $@ $^ -lpcre2-8 -lcrypto

.PHONY: differential-oracle
differential-oracle: $(O)/differential-oracle
