#include "host/registration.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "host/packet.h"
#include "host/protocol.h"

namespace candor::host {
namespace {

constexpr int kTimeoutMs = 5'000;

}  // namespace

Result<Done, std::string> ask_to_register(int socket, pid_t tender, std::span<const pid_t> tids, int area_fd,
                                          int bell_fd) {
  Register message;
  if (tids.size() > CANDOR_MAX_VCPUS)
    return Error{std::to_string(tids.size()) + " vCPUs are more than the " +
                 std::to_string(CANDOR_MAX_VCPUS) + " of a VM"};
  message.tender = tender;
  message.vcpu_count = static_cast<std::uint32_t>(tids.size());
  std::copy(tids.begin(), tids.end(), message.tids);
  const std::array<int, 2> fds{area_fd, bell_fd};
  // Credentials by ourselves: candord asks for them only when it has this socket, which may be later.
  const auto sent = send_packet(socket, message, kTimeoutMs, fds, Credentials::kYes);
  if (!sent.ok())
    return Error{std::string("the host scheduler cannot be reached: ") + std::strerror(sent.error())};
  return Done{};
}

Result<Done, std::string> await_registration(int socket) {
  const auto answer = receive_packet(socket, kTimeoutMs);
  if (!answer.ok())
    return Error{std::string("the host scheduler has not answered a registration: ") +
                 std::strerror(answer.error())};
  auto registered = answer->as<Registered>(MessageType::kRegistered);
  if (!registered)
    return Error{std::string("the host scheduler answered a registration with something else")};
  registered->reason[sizeof registered->reason - 1] = 0;
  if (registered->accepted == 0)
    return Error{std::string("the host scheduler refuses this VM: ") + registered->reason};
  return Done{};
}

}  // namespace candor::host
