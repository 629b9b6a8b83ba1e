// Ends by a fault on the guard page below its stack.
#include "guest/sdk.h"

namespace {

int descend(int depth) {  // NOLINT(misc-no-recursion): that is the point
  volatile char some[512];
  some[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : descend(depth - 1) + some[0];
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  Thread::create("deep", Terms::fair(), [] { print("not reached: {}\n", descend(1'000'000)); });
  wait_for_shutdown();
  return 1;
}
