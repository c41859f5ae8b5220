/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of log lines and of their writer share. */
#ifndef WEIR_TESTS_RUNTIME_LOG_H
#define WEIR_TESTS_RUNTIME_LOG_H

#include "../../runtime/core/log.h"

/* A record of a request, with no sinks. */
struct log_record log_sample(void);
/* The process is a thread with a ring from here on. */
void log_be_thread(void);

#endif
