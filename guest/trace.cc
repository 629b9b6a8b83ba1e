#include "guest/trace.h"

#include <bit>
#include <new>

#include "guest/console.h"
#include "guest/memory.h"
#include "guest/vcpu.h"

namespace candor::kernel {
namespace {

std::string_view name_of(std::uint32_t thread) {
  if (thread == CANDOR_TRACE_IDLE) return "(idle)";
  if (thread >= CANDOR_MAX_THREADS) return "(unknown)";
  const char* name = thread_slot(thread).name;
  std::size_t length = 0;
  while (length < CANDOR_NAME_BYTES && name[length] != 0) length++;
  return {name, length};
}

/// The room that the host's wish may take.
std::uint32_t modest_records() {
  std::uint32_t records = kTraceRecords;
  while (records > 16 && records * sizeof(candor_trace) * kernel.vcpus > untouched_memory() / 8) records /= 2;
  return records;
}

void format_length(TextBuffer& to, std::string_view before, std::uint32_t ns) {
  to.append(before);
  to.append(FormatArgument(nanoseconds(ns)), FormatSpec{});
  if (ns == ~0u) to.append(" or more");
}

void format_pending(TextBuffer& to, std::uint32_t bits) {
  constexpr std::string_view kNames[] = {" timer", " notify", " shutdown", " claims", " console"};
  for (const std::string_view name : kNames) {
    if ((bits & 1) != 0) to.append(name);
    bits >>= 1;
  }
}

}  // namespace

void start_traces(std::optional<std::uint32_t> records) {
  if (!records) records = host_offers(CANDOR_FEATURE_TRACE) ? modest_records() : 0;
  if (*records == 0) return;
  for (std::uint32_t i = 0; i < kernel.vcpus; i++) Vcpu::at(i).start_trace(std::bit_ceil(*records));
}

void Vcpu::start_trace(std::uint32_t records) {
  auto* memory =
      static_cast<candor_trace*>(operator new (records * sizeof(candor_trace), std::align_val_t{64}));
  trace_ring_.start(memory, records, page());
}

// Not inline: what a kernel without a trace executes stays small.
[[gnu::noinline]] void Vcpu::note(candor_trace_event event, const ThreadControl* thread,
                                  std::uint32_t argument, Time t) {
  trace_ring_.add(t, event, trace_id(thread), argument);
}

void format_trace(TextBuffer& to, const candor_trace& record, std::uint32_t vcpu, Time t) {
  const FormatArgument where[] = {FormatArgument(t - Time{static_cast<std::int64_t>(record.time_ns)}),
                                  FormatArgument(vcpu), FormatArgument(name_of(record.thread))};
  to.format("-{} vCPU {} {}", where, 3);
  switch (record.event) {
    case CANDOR_TRACE_DISPATCH:
      if (record.thread != CANDOR_TRACE_IDLE) to.append(" runs");
      break;
    case CANDOR_TRACE_WAKE:
      to.append(" is woken, by ");
      to.append(name_of(record.argument));
      break;
    case CANDOR_TRACE_BLOCK:
      format_length(to, " waits, for ", record.argument);
      break;
    case CANDOR_TRACE_YIELD:
      to.append(" yields");
      break;
    case CANDOR_TRACE_END:
      to.append(" ends");
      break;
    case CANDOR_TRACE_MOVE:
      to.append(" goes to vCPU ");
      to.append_number(record.argument);
      break;
    case CANDOR_TRACE_UPCALL:
      to.append(": upcall,");
      format_pending(to, record.argument);
      break;
    case CANDOR_TRACE_TIMER:
      format_length(to, ": timer set, in ", record.argument);
      break;
    case CANDOR_TRACE_PUBLISH:
      to.append(": published, others ready: ");
      to.append_number(record.argument);
      break;
    case CANDOR_TRACE_CLAIM:
      to.append((record.argument & 0xff) == CANDOR_CLAIM_REFUSED ? ": claim refused" : ": claim admitted");
      break;
    default:
      to.append(" ?");
  }
}

void print_trace(std::size_t count) {
  std::uint64_t begin[CANDOR_MAX_VCPUS] = {}, end[CANDOR_MAX_VCPUS] = {};
  const Time t = now();
  bool any = false;
  for (std::uint32_t i = 0; i < kernel.vcpus; i++) {
    begin[i] = end[i] = Vcpu::at(i).trace_ring().written();
    any |= Vcpu::at(i).trace_ring().on();
  }
  if (!any) return print("there is no trace; candor.trace=on on the command line keeps one\n");

  // Of what all vCPUs have at their ends, first the newest, back to where it begins; then the oldest,
  // forward.
  candor_trace record, best = {};
  for (; count > 0; count--) {
    std::uint32_t from = kernel.vcpus;
    for (std::uint32_t i = 0; i < kernel.vcpus; i++)
      if (begin[i] > 0 && Vcpu::at(i).trace_ring().read(begin[i] - 1, record) &&
          (from == kernel.vcpus || record.time_ns > best.time_ns))
        from = i, best = record;
    if (from == kernel.vcpus) break;
    begin[from]--;
  }
  for (;;) {
    std::uint32_t from = kernel.vcpus;
    for (std::uint32_t i = 0; i < kernel.vcpus; i++) {
      // What is overwritten while we print is left out.
      while (begin[i] < end[i] && !Vcpu::at(i).trace_ring().read(begin[i], record)) begin[i]++;
      if (begin[i] < end[i] && (from == kernel.vcpus || record.time_ns < best.time_ns))
        from = i, best = record;
    }
    if (from == kernel.vcpus) return;
    begin[from]++;
    char memory[kPrintBytes - 1];
    TextBuffer buffer(memory, sizeof memory);
    format_trace(buffer, best, from, t);
    print("{}\n", buffer.text());
  }
}

}  // namespace candor::kernel
