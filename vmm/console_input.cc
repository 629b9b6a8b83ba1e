#include "vmm/console_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace candor::vmm {

ConsoleInput::Left ConsoleInput::move(std::size_t& moved) {
  moved = 0;
  std::uint8_t text[CANDOR_INPUT_BYTES];
  const std::size_t room = std::min<std::size_t>(ring_.room(), sizeof text);
  if (room == 0) return Left::kMore;
  const ssize_t got = ::read(fd_, text, room);
  if (got < 0) return errno == EINTR || errno == EAGAIN ? Left::kNothing : Left::kEnded;
  if (got == 0) return Left::kEnded;
  moved = static_cast<std::size_t>(got);
  for (std::size_t i = 0; i < moved; i++) ring_.put(text[i]);
  return moved == room ? Left::kMore : Left::kNothing;
}

std::uint32_t console_listener(const Area& area, std::uint32_t vcpus) {
  const std::uint32_t named = __atomic_load_n(&area.guest_page().console_listener, __ATOMIC_SEQ_CST);
  return named != 0 && named <= vcpus ? named - 1 : vcpus;
}

}  // namespace candor::vmm
