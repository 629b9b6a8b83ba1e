#include "vmm/console.h"

#include <fmt/format.h>

namespace candor::vmm {
namespace {
constexpr std::size_t kLineBytes = 1024;  // longer ones are broken
}

void Console::drain(std::string& out, std::size_t limit, bool final) {
  const std::uint32_t head = load(area_.guest_page().console_head);
  std::uint32_t waiting = head - taken_;
  if (waiting > CANDOR_CONSOLE_BYTES) {
    // The guest overran its own ring (or wrote nonsense): what is left starts at the oldest byte there is.
    finish_line(out);
    line_ = fmt::format("[{} bytes of output lost: the guest did not wait for room]",
                        waiting - CANDOR_CONSOLE_BYTES);
    finish_line(out);
    taken_ = head - CANDOR_CONSOLE_BYTES;
    waiting = CANDOR_CONSOLE_BYTES;
  }
  for (; waiting != 0 && out.size() < limit; waiting--, taken_++) {
    const auto c =
        static_cast<char>(__atomic_load_n(area_.console() + taken_ % CANDOR_CONSOLE_BYTES, __ATOMIC_RELAXED));
    if (c == '\n' || line_.size() == kLineBytes) finish_line(out);
    if (c != '\n' && c != '\r') line_ += (c >= ' ' && c <= '~') || c == '\t' ? c : '?';
  }
  store(area_.host_page().console_tail, taken_);
  if (final && !line_.empty()) finish_line(out);
}

void Console::finish_line(std::string& out) {
  if (line_.empty() && out.empty() && taken_ == 0) return;
  out += prefix_;
  out += line_;
  out += '\n';
  line_.clear();
}

}  // namespace candor::vmm
