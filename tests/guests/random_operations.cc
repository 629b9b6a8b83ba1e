// Ten thousand random operations: those that do not wait, one by one against a model; those that wait, by
// several threads at once, against what must be conserved.
#include "tests/guests/random_operations.h"

int candor::guest_main(Arguments arguments) {
  constexpr int kOperations = 10'000;
  std::uint64_t seed = static_cast<std::uint64_t>(now().ns);
  if (!arguments.empty()) seed = parse_number(arguments[0]).value_or(seed);
  print("seed {}\n", seed);
  test::Random random(seed);
  test::against_a_model(random, kOperations);
  static test::Shared shared;
  constexpr int kThreads = 5;
  const Terms terms[kThreads] = {Terms::fair(), Terms::fair(), Terms::background(), Terms::fixed(3, {}, {}),
                                 Terms::fixed(9, {}, {})};
  const auto start = [&](int i) {
    const std::uint64_t own = seed + static_cast<std::uint64_t>(i) * 7919;
    return Thread::create("random", terms[i], [own] { test::operate(shared, own, kOperations / kThreads); });
  };
  const Thread threads[kThreads] = {start(0), start(1), start(2), start(3), start(4)};
  for (const Thread& t : threads) t.join();
  shared.expect_conserved();
  return test::pass("random_operations");
}
