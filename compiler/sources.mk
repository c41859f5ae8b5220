# SPDX-License-Identifier: Apache-2.0
# The compiler's sources, in the order of a configuration's way. compiler/main.c is apart.
