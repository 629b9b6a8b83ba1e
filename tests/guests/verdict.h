// How a test guest says what it found.
#pragma once

#include "guest/area.h"
#include "guest/sdk.h"

namespace candor::test {

/// For guest_main to return.
inline int pass(std::string_view name) {
  print("PASS {}\n", name);
  return 0;
}

/// Ends the VM with exit code 1 unless `holds`.
template <typename... Arguments>
void expect(bool holds, Pattern<Arguments...> pattern, const Arguments&... arguments) {
  if (holds) return;
  print("FAIL: ");
  print(pattern, arguments...);
  print("\n");
  kernel::mask_upcalls();
  for (;;) kernel::call_host(CANDOR_CALL_SHUTDOWN, 1);
}

/// Waits until `holds()`. If that does not come for 10 s, the VM ends as by expect().
template <typename Condition>
void await(std::string_view what, Condition&& holds) {
  const Time patience = now() + seconds(10);
  while (!holds()) {
    expect(now() < patience, "{}: it never came", what);
    this_thread::sleep_for(microseconds(200));
  }
}

}  // namespace candor::test
