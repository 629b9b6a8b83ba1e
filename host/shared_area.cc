#include "host/shared_area.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <utility>

namespace candor::host {
namespace {

template <typename Word, typename Value>
void store(Word& word, Value value, int order = __ATOMIC_RELAXED) {
  __atomic_store_n(&word, static_cast<Word>(value), order);
}

std::uint64_t wire(Time t) {
  return t == Time::never() ? CANDOR_NO_TIME : static_cast<std::uint64_t>(t.ns);
}

}  // namespace

Result<SharedArea, std::string> SharedArea::map(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0)
    return Error{std::string("the area is not a memfd with seals: create it with MFD_ALLOW_SEALING")};
  if ((seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_GROW) == 0)
    return Error{std::string("the area's memfd is not sealed: F_SEAL_SHRINK and F_SEAL_GROW are needed")};
  struct stat info {};
  if (fstat(fd, &info) != 0 || info.st_size < static_cast<off_t>(CANDOR_AREA_BYTES))
    return Error{"the area has " + std::to_string(info.st_size) + " bytes, fewer than the " +
                 std::to_string(CANDOR_AREA_BYTES) + " of this ABI version"};
  void* base = mmap(nullptr, CANDOR_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED)
    return Error{std::string("the area cannot be mapped for writing: it must not be sealed against writing")};
  return SharedArea(static_cast<std::byte*>(base));
}

SharedArea::SharedArea(SharedArea&& other) noexcept : base_(std::exchange(other.base_, nullptr)) {}

SharedArea::~SharedArea() {
  if (base_ != nullptr) munmap(base_, CANDOR_AREA_BYTES);
}

candor_host_vcpu& SharedArea::vcpu_line(std::uint32_t vcpu) const {
  if (vcpu >= CANDOR_MAX_VCPUS) __builtin_trap();  // a caller's bug
  return reinterpret_cast<candor_host_vcpu*>(base_ + CANDOR_OFF_HOST_VCPUS)[vcpu];
}

candor_host_thread& SharedArea::thread_line(std::uint32_t slot) const {
  if (slot >= CANDOR_MAX_THREADS) __builtin_trap();
  return reinterpret_cast<candor_host_thread*>(base_ + CANDOR_OFF_HOST_THREADS)[slot];
}

void SharedArea::open(std::uint32_t features) {
  auto* page = reinterpret_cast<candor_host_page*>(base_);
  __atomic_or_fetch(&page->features, features, __ATOMIC_RELAXED);
  store(page->scheduler, 1u, __ATOMIC_RELEASE);
}

void SharedArea::close() {
  store(reinterpret_cast<candor_host_page*>(base_)->scheduler, 0u, __ATOMIC_RELEASE);
}

void SharedArea::answer(std::uint32_t slot, std::uint32_t serial, const sched::Answer& answer) {
  candor_host_thread& line = thread_line(slot);
  store(line.status, static_cast<std::uint32_t>(answer.status));
  store(line.reason, static_cast<std::uint32_t>(answer.reason));
  store(line.vcpu, answer.vcpu);
  store(line.fits_ppm, answer.fits_ppm);
  store(line.answered, serial, __ATOMIC_RELEASE);
  // Not private: the waiter is another process with the same memory.
  syscall(SYS_futex, &line.answered, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void SharedArea::claim(std::uint32_t slot, const sched::ClaimView& view) {
  candor_host_thread& line = thread_line(slot);
  store(line.server_deadline_ns, wire(view.server_deadline));
  store(line.replenish_ns, wire(view.replenish));
  store(line.status, static_cast<std::uint32_t>(view.status), __ATOMIC_RELEASE);
}

void SharedArea::claims_changed(std::uint32_t vcpu) {
  if (vcpu >= CANDOR_MAX_VCPUS) return;
  auto* pages = reinterpret_cast<candor_guest_vcpu*>(base_ + CANDOR_OFF_VCPUS);
  __atomic_or_fetch(&pages[vcpu].pending, CANDOR_PENDING_CLAIMS, __ATOMIC_SEQ_CST);
}

void SharedArea::realtime_vcpu(std::uint32_t vcpu, std::uint32_t processor, const sched::VcpuView& view) {
  candor_host_vcpu& line = vcpu_line(vcpu);
  store(line.processor, processor);
  store(line.wanted, view.wanted);
  store(line.preempted, view.preempted);
  store(line.ring_at_job_end, view.ring_at_job_end);
  store(line.rank, view.rank);
  store(line.waiting_key_ns, wire(view.waiting_key), __ATOMIC_RELEASE);
}

void SharedArea::fair_vcpu(std::uint32_t vcpu, bool wanted, Time waiting_key) {
  candor_host_vcpu& line = vcpu_line(vcpu);
  store(line.wanted, wanted ? 1u : 0u);
  store(line.waiting_key_ns, wire(waiting_key), __ATOMIC_RELEASE);
}

void SharedArea::stolen(std::uint32_t vcpu, std::uint64_t stolen_ns) {
  store(vcpu_line(vcpu).stolen_ns, stolen_ns);
}

std::uint32_t SharedArea::processor(std::uint32_t vcpu) const {
  return __atomic_load_n(&vcpu_line(vcpu).processor, __ATOMIC_RELAXED);
}

}  // namespace candor::host
