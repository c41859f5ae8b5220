/* SPDX-License-Identifier: Apache-2.0 */
/* regex_dfa: between the regex engines. */
#ifndef WEIR_PROXY_REGEX_DFA_H
#define WEIR_PROXY_REGEX_DFA_H

#include "../site.h"

/* Whether <row>, which has an automaton, matches somewhere in <subject>. Costs one step a byte of it
 * at most. Any thread. */
bool regex_row_matches(const struct ws_regex *row, struct str subject);

#endif
