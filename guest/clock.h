// The one clock of guest and host.
#pragma once

#include "base/time.h"

namespace candor {

/// Time on the host's monotonic clock. No host call.
Time now();

/// Origin of this run's periodic grids.
Time epoch();

}  // namespace candor
