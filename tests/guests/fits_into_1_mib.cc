// The kernel, its library's mathematics and ten threads with stacks of the usual size fit into 1 MiB, and
// what they take is what is said of them.
#include <cmath>
#include <vector>

#include "guest/memory.h"
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

extern "C" char image_end[];

namespace {

using namespace candor;

constexpr std::size_t kKib = 1024;
constexpr int kThreads = 10;

}  // namespace

int candor::guest_main(Arguments) {
  const kernel::MemoryUse at_start = kernel::memory_use();
  const std::size_t boot_stack = kernel::kernel.vcpus * std::size_t{CANDOR_BOOT_STACK_BYTES};
  const std::size_t image = reinterpret_cast<std::uintptr_t>(image_end) - 0x100000;
  print("image {} KiB, boot stacks {}, heap {}, of which {} untouched\n", image / kKib, boot_stack / kKib,
        at_start.total / kKib, at_start.untouched / kKib);
  test::expect(image <= 256 * kKib, "the image takes {} bytes in memory", image);
  test::expect(at_start.total - at_start.untouched <= 96 * kKib * kernel::kernel.vcpus,
               "before main the kernel has taken {} bytes", at_start.total - at_start.untouched);

  static Mutex mutex;
  static double sum = 0;
  std::vector<Thread> threads;
  for (int i = 0; i < kThreads; i++) {
    threads.push_back(Thread::create("adds", Terms::fair(), [i] {
      const double part = std::sqrt(i * i);
      const Lock lock(mutex);
      sum += part;
      this_thread::yield();
    }));
  }
  for (const Thread& t : threads) t.join();
  test::expect(sum == 45, "the threads have made {}", sum);
  const std::size_t taken = at_start.untouched - kernel::memory_use().untouched;
  print("{} threads took {} KiB\n", kThreads, taken / kKib);
  // Beside its stack and the guard page a block for the extended registers, which take up to 2.7 KiB.
  test::expect(taken <= kThreads * (kDefaultStackBytes + 26 * kKib), "{} threads took {} bytes", kThreads,
               taken);
  return test::pass("fits_into_1_mib");
}
