// What a test needs of the host, for the first lines of SetUp() or of the test: where it is missing the test
// is skipped, and says so in the words that `./dev test --require` looks for.
#pragma once

#include <gtest/gtest.h>

#include "tests/e2e/command.h"

/// Guests, which run in confined processes.
#define CANDOR_NEEDS_PROCESS()                                          \
  do {                                                                  \
    const std::string missing = candor::e2e::process_backend_missing(); \
    if (!missing.empty()) GTEST_SKIP() << "needs process: " << missing; \
  } while (false)

/// Real-time ranks.
#define CANDOR_NEEDS_RANKS()                                                                         \
  do {                                                                                               \
    if (!candor::e2e::ranks_permitted()) GTEST_SKIP() << "needs ranks: SCHED_FIFO is not permitted"; \
  } while (false)
