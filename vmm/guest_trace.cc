#include "vmm/guest_trace.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/trace_window.h"

namespace candor::vmm {

Result<GuestTraceReader, std::string> GuestTraceReader::open(VmMemory memory, std::uint64_t ram_bytes,
                                                             std::uint32_t vcpus) {
  void* const area = mmap(nullptr, CANDOR_AREA_BYTES, PROT_READ, MAP_SHARED, memory.area.get(), 0);
  if (area == MAP_FAILED) return Error{fmt::format("cannot map its area: {}", std::strerror(errno))};
  return GuestTraceReader(std::move(memory), static_cast<const std::uint8_t*>(area), ram_bytes, vcpus);
}

GuestTraceReader::GuestTraceReader(VmMemory memory, const std::uint8_t* area, std::uint64_t ram_bytes,
                                   std::uint32_t vcpus)
    : memory_(std::move(memory)),
      area_(area),
      ram_bytes_(ram_bytes),
      traces_(std::min(vcpus, CANDOR_MAX_VCPUS)) {}

GuestTraceReader::GuestTraceReader(GuestTraceReader&& other) noexcept
    : memory_(std::move(other.memory_)),
      area_(std::exchange(other.area_, nullptr)),
      ram_bytes_(other.ram_bytes_),
      traces_(std::move(other.traces_)) {}

GuestTraceReader::~GuestTraceReader() {
  if (area_ != nullptr) munmap(const_cast<std::uint8_t*>(area_), CANDOR_AREA_BYTES);
}

const candor_guest_vcpu& GuestTraceReader::page(std::uint32_t vcpu) const {
  return reinterpret_cast<const candor_guest_vcpu*>(area_ + CANDOR_OFF_VCPUS)[vcpu];
}

/// False: it is announced, and cannot be.
bool GuestTraceReader::locate(const candor_guest_vcpu& page, Trace& trace) const {
  const std::uint64_t at = load(page.trace_at);
  if (at == 0) return true;
  const std::uint64_t records = load(page.trace_records);
  if (!std::has_single_bit(records) || records > CANDOR_MAX_TRACE_RECORDS || at % sizeof(candor_trace) != 0 ||
      at < CANDOR_RAM_BASE || at - CANDOR_RAM_BASE > ram_bytes_ ||
      records * sizeof(candor_trace) > ram_bytes_ - (at - CANDOR_RAM_BASE))
    return false;
  trace.offset = at - CANDOR_RAM_BASE;
  trace.room = records;
  return true;
}

/// Fills `to` with as many as it has from number `first` on, which are not more than the ring has room for.
bool GuestTraceReader::copy(const Trace& trace, std::uint64_t first, std::vector<candor_trace>& to) const {
  for (std::uint64_t done = 0; done < to.size();) {
    const std::uint64_t index = (first + done) % trace.room;
    const std::uint64_t bytes = std::min(to.size() - done, trace.room - index) * sizeof(candor_trace);
    if (pread(memory_.ram.get(), to.data() + done, bytes,
              static_cast<off_t>(trace.offset + index * sizeof(candor_trace))) != static_cast<ssize_t>(bytes))
      return false;
    done += bytes / sizeof(candor_trace);
  }
  return true;
}

GuestTraceReader::News GuestTraceReader::take(std::uint32_t vcpu, std::uint64_t most) {
  Trace& trace = traces_.at(vcpu);
  News news;
  const auto give_up = [&] {
    trace.given_up = news.wrong = true;
    news.records.clear();
    return news;
  };
  if (trace.given_up) return news;
  if (trace.room == 0 && !locate(page(vcpu), trace)) return give_up();
  if (trace.room == 0) return news;

  const std::uint64_t before = load(page(vcpu).trace_next);
  if (before < trace.taken) return give_up();
  const std::uint64_t count = std::min({before - trace.taken, trace.room, most});
  const std::uint64_t first = before - count;
  news.records.resize(count);
  if (!copy(trace, first, news.records)) return give_up();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const std::uint64_t after = load(page(vcpu).trace_next);
  if (after < before) return give_up();
  const std::uint64_t whole = std::max(first, whole_records(before, after, trace.room).first);
  news.records.erase(news.records.begin(), news.records.begin() + static_cast<std::ptrdiff_t>(whole - first));
  news.lost = whole - trace.taken;
  trace.taken = before;
  return news;
}

std::string GuestTraceReader::thread_name(std::uint32_t slot) const {
  const auto* threads = reinterpret_cast<const candor_thread*>(area_ + CANDOR_OFF_THREADS);
  return slot < CANDOR_MAX_THREADS ? printable(threads[slot].name, CANDOR_NAME_BYTES) : std::string();
}

}  // namespace candor::vmm
