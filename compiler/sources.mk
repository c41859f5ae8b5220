# SPDX-License-Identifier: Apache-2.0
# The compiler's sources, in the order of a configuration's way. compiler/main.c is apart.

WEIR_READ_SRC := compiler/program_io.c compiler/program_rule.c compiler/program_site.c compiler/program_text.c \
	compiler/program_write.c compiler/program_read.c
