// All that an application on the Candor guest kernel needs. It defines
//
//   int candor::guest_main(candor::Arguments arguments) { ... }
//
// which runs in a fair thread; what it returns is the VM's exit code. Build it
// with candor_add_guest(NAME SOURCES ...) (cmake/CandorGuest.cmake).
#pragma once

#include <span>
#include <string_view>

#include "base/time.h"
#include "guest/chrono.h"
#include "guest/clock.h"
#include "guest/condition_variable.h"
#include "guest/console.h"
#include "guest/deferred.h"
#include "guest/event_flags.h"
#include "guest/message_queue.h"
#include "guest/mutex.h"
#include "guest/panic.h"
#include "guest/parse.h"
#include "guest/periodic.h"
#include "guest/pool.h"
#include "guest/recursive_mutex.h"
#include "guest/semaphore.h"
#include "guest/shell.h"
#include "guest/static_thread.h"
#include "guest/terms.h"
#include "guest/thread.h"
#include "guest/timer.h"
#include "guest/watchdog.h"

namespace candor {

/// The command line's words, without those that the kernel takes ("candor.").
using Arguments = std::span<const std::string_view>;

/// The application.
int guest_main(Arguments arguments);

}  // namespace candor
