// A batch job: counts primes, as long as it is let, and counts its work.
#include "guest/sdk.h"

namespace {

using namespace candor;

constexpr std::uint32_t kLimit = 100'000, kPrimesBelow = 9'592;

std::uint64_t volatile rounds, wrong;

bool is_prime(std::uint32_t n) {
  if (n % 2 == 0) return n == 2;
  for (std::uint32_t d = 3; d * d <= n; d += 2)
    if (n % d == 0) return false;
  return n > 1;
}

void count_primes() {
  for (;;) {
    std::uint32_t found = 0;
    for (std::uint32_t n = 0; n < kLimit; n++) {
      if (is_prime(n)) found++;
      if (n % 256 == 255) this_thread::add_work();
    }
    if (found != kPrimesBelow) wrong = wrong + 1;
    rounds = rounds + 1;
  }
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  Terms terms = Terms::fair();
  for (std::string_view word : arguments) {
    if (word != "fair" && word != "background") {
      print("batch: '{}' is not fair or background\n", word);
      return 2;
    }
    if (word == "background") terms = Terms::background();
  }
  Thread::create("batch", terms, count_primes);
  wait_for_shutdown();
  if (wrong != 0) {
    print("batch: WRONG: {} of {} counts\n", std::uint64_t{wrong}, std::uint64_t{rounds});
    return 1;
  }
  print("batch: counted the primes below {} {} times\n", kLimit, std::uint64_t{rounds});
  return 0;
}
