#include "host/control_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace candor::host {
namespace {

constexpr int kSendTimeoutMs = 1000;
constexpr Duration kRefresh = milliseconds(250);
constexpr Duration kStolen = seconds(1);

}  // namespace

ControlLoop::ControlLoop(HostScheduler& scheduler, Fd launcher)
    : scheduler_(scheduler),
      launcher_(std::move(launcher)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      refresh_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  watch(launcher_.get(), Source::kLauncher, 0);
  watch(refresh_.get(), Source::kRefresh, 0);
}

void ControlLoop::watch(int fd, Source source, std::uint32_t vm) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(source)} << 32 | vm;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

// Nothing wakes candord periodically while it serves nobody.
void ControlLoop::set_refresh(Duration interval) {
  if (interval == refresh_interval_) return;
  refresh_interval_ = interval;
  itimerspec spec{};
  spec.it_value.tv_nsec = spec.it_interval.tv_nsec = interval.ns;
  timerfd_settime(refresh_.get(), 0, &spec, nullptr);
}

void ControlLoop::run() {
  std::array<epoll_event, 16> events;
  for (;;) {
    const int n = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      const auto vm = static_cast<std::uint32_t>(tag);
      switch (static_cast<Source>(tag >> 32)) {
        case Source::kLauncher:
          if (!serve_launcher()) return scheduler_.demote();
          break;
        case Source::kRefresh:
          refresh();
          break;
        case Source::kVm:
          serve_vm(vm);
          break;
        case Source::kTender:
          forget(vm);
          break;
      }
    }
  }
}

void ControlLoop::refresh() {
  std::uint64_t ticks;
  if (read(refresh_.get(), &ticks, sizeof ticks) != sizeof ticks) return;
  const Time now = monotonic_now();
  const bool stolen = now - stolen_ >= kStolen;
  if (stolen) stolen_ = now;
  const bool shared = scheduler_.refresh(stolen);
  set_refresh(shared ? sched::Shares::kInterval : kRefresh);
}

bool ControlLoop::serve_launcher() {
  auto received = receive_packet(launcher_.get(), 0);
  if (!received.ok()) return received.error() == ETIMEDOUT;  // anything else: the launcher is gone
  Packet& packet = *received;
  const auto type = packet.type();
  if (type == MessageType::kAddVm) {
    add_vm(packet);
    return true;
  }
  if (!type || !packet.as<Simple>(*type)) return true;  // not ours: a launcher of this build sends none
  const std::uint32_t vm = packet.as<Simple>(*type)->vm;
  switch (*type) {
    case MessageType::kRemoveVm:
      forget(vm);
      acknowledge(vm);
      break;
    case MessageType::kDemote:
      scheduler_.demote();
      acknowledge(0);
      break;
    case MessageType::kQueryRunList:
      send_run_list();
      break;
    case MessageType::kQueryTrace:
      send_trace();
      break;
    case MessageType::kQueryStats:
      (void)send_packet(launcher_.get(), scheduler_.stats(), kSendTimeoutMs).ok();
      break;
    case MessageType::kQuit:
      scheduler_.demote();
      (void)send_packet(launcher_.get(), scheduler_.stats(), kSendTimeoutMs).ok();
      acknowledge(0);
      return false;
    default:
      break;
  }
  return true;
}

void ControlLoop::acknowledge(std::uint32_t vm) {
  (void)send_packet(launcher_.get(), Simple{.type = MessageType::kAck, .vm = vm}, kSendTimeoutMs).ok();
}

void ControlLoop::add_vm(Packet& packet) {
  const auto terms = packet.as<AddVm>(MessageType::kAddVm);
  if (!terms || packet.fd_count != 1 || vms_.contains(terms->vm)) return;
  Fd socket = std::move(packet.fds[0]);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  watch(socket.get(), Source::kVm, terms->vm);
  vms_.emplace(terms->vm, Announced{.terms = *terms, .socket = std::move(socket), .tender = {}});
  set_refresh(kRefresh);
}

void ControlLoop::forget(std::uint32_t vm) {
  scheduler_.remove(vm);
  vms_.erase(vm);
  if (vms_.empty()) set_refresh({});
}

void ControlLoop::serve_vm(std::uint32_t number) {
  const auto at = vms_.find(number);
  if (at == vms_.end()) return;
  Announced& vm = at->second;
  auto packet = receive_packet(vm.socket.get(), 0);
  if (!packet.ok() && packet.error() == ETIMEDOUT) return;
  // One registration, whatever its outcome: from here on nothing a VM process
  // sends is listened to. Its socket stays open as a sign of life.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, vm.socket.get(), nullptr);
  if (!packet.ok()) return;
  Registered reply;
  const auto refuse = [&](const std::string& why) {
    std::snprintf(reply.reason, sizeof reply.reason, "%s", why.c_str());
  };
  if (const std::string wrong = check_terms(vm.terms); !wrong.empty()) {
    refuse(wrong);
  } else if (auto checked = check_registration(vm.terms, *packet); !checked.ok()) {
    refuse(checked.error());
  } else {
    Fd tender = std::move(checked->tender);
    if (const auto added = scheduler_.add(std::move(*checked)); !added.ok()) {
      refuse(added.error());
    } else {
      vm.tender = std::move(tender);
      watch(vm.tender.get(), Source::kTender, number);
      reply.accepted = 1;
    }
  }
  (void)send_packet(vm.socket.get(), reply, 0).ok();
}

void ControlLoop::send_run_list() {
  std::vector<RunListEntry> entries;
  scheduler_.run_list(entries);
  for (const RunListEntry& entry : entries)
    if (!send_packet(launcher_.get(), entry, kSendTimeoutMs).ok()) return;
  (void)send_packet(launcher_.get(), Simple{.type = MessageType::kRunListEnd}, kSendTimeoutMs).ok();
}

void ControlLoop::send_trace() {
  TraceEvents part;
  do {
    scheduler_.take_trace(part);
    if (!send_packet(launcher_.get(), part, kSendTimeoutMs).ok()) return;  // the gap shows
  } while (part.count == part.events.size());
}

}  // namespace candor::host
