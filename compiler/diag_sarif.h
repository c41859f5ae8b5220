/* SPDX-License-Identifier: Apache-2.0 */
/* diag_sarif: reports as one run of SARIF 2.1.0. */
#ifndef WEIR_DIAG_SARIF_H
#define WEIR_DIAG_SARIF_H

#include "diag_report.h"

/* Writes the run object of the <n> reports. <a> takes what it has to build. */
void sarif_run(FILE *out, struct diag_report *const *sorted, unsigned n, struct arena *a);

#endif
