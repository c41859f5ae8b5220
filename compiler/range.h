/* SPDX-License-Identifier: Apache-2.0 */
/* range: what the number of an option may be, for those that check it at build and for the tables
 * that have it checked at start. */
#ifndef WEIR_COMPILER_RANGE_H
#define WEIR_COMPILER_RANGE_H

#include <stdint.h>

enum option_unit { UNIT_COUNT, UNIT_SIZE, UNIT_MS }; /* as ws_bound_num.unit */

/* Range of option <id>, in bytes, milliseconds, or as it is. */
void option_range(int id, enum option_unit unit, int64_t *min, int64_t *max);

#endif
