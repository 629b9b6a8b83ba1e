// What a KiB of output costs by each face of the console, in lines as wide as a terminal.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr std::uint64_t kBytes = 16 << 10;
constexpr std::string_view kLine =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n";

/// Entries of the host's kernel: calls, and accesses to ports, which trap.
std::uint64_t exits() {
  std::uint64_t sum = 0;
  for (std::uint32_t v = 0; v < kernel::kernel.vcpus; v++)
    sum += kernel::peek(kernel::vcpu_page(v).port_accesses) + kernel::peek(kernel::vcpu_page(v).host_calls);
  return sum;
}

/// Exits for each KiB.
std::uint64_t price(std::string_view name, kernel::ConsoleFace face) {
  test::expect(kernel::use_console(face), "there is no such face");
  const std::uint64_t before = exits();
  const Time start = now();
  for (std::uint64_t bytes = 0; bytes < kBytes; bytes += kLine.size()) print(kLine);
  const Duration took = now() - start;
  const std::uint64_t per_kib = (exits() - before) / (kBytes >> 10);
  print("{}: {} exits for each KiB, {} ns for each byte\n", name, per_kib,
        static_cast<std::uint64_t>(took.ns) / kBytes);
  return per_kib;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static_assert(kLine.size() == 80);
  const std::uint64_t ring = price("ring", kernel::ConsoleFace::kRing);
  const std::uint64_t uart = price("uart", kernel::ConsoleFace::kUart);
  test::expect(uart >= 1024, "{} exits for each KiB, and each byte is one", uart);
  test::expect(uart >= 50 * ring, "{} exits by the UART, {} by the ring", uart, ring);
  return test::pass("prices_console_faces");
}
