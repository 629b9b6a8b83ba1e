#include "guest/inspect.h"

#include "guest/kernel_lock.h"
#include "guest/memory.h"
#include "guest/vcpu.h"

namespace candor::kernel {
namespace {

using KnownList = OrderedList<ThreadControl, &ThreadControl::known_hook, NoOrder>;
constinit KnownList known;  // under kThreadsLock

const char* class_of(const ThreadControl& t) {
  switch (t.terms.cls) {
    case CANDOR_CLASS_DEADLINE:
      return "deadline";
    case CANDOR_CLASS_FIXED:
      return "fixed";
    case CANDOR_CLASS_BACKGROUND:
      return "background";
    default:
      return "fair";
  }
}

const char* state_of(const ThreadControl& t, bool runs) {
  if (t.ended.load(std::memory_order_relaxed)) return "ended";
  if (runs) return "runs";
  if (t.runnable) return "ready";
  return t.wake_at != Time::never() ? "sleeps" : "waits";
}

void pad_to(TextBuffer& to, std::size_t column, std::size_t begin) {
  do to.append(' ');
  while (to.text().size() - begin < column);
}

}  // namespace

void now_known(ThreadControl& thread) {
  const KernelLock lock(kThreadsLock);
  known.insert(&thread);
}
void no_more_known(ThreadControl& thread) {
  const KernelLock lock(kThreadsLock);
  known.remove(&thread);
}

bool thread_info(std::size_t n, ThreadInfo& info) {
  const KernelLock lock(kThreadsLock);
  const ThreadControl* t = known.front();
  for (; t != nullptr && n > 0; n--) t = KnownList::next(t);
  if (t == nullptr) return false;
  __builtin_memcpy(info.name, t->name, sizeof info.name);
  info.cls = class_of(*t);
  info.state = state_of(*t, t->cpu.runs());
  const Vcpu* home = t->home.load(std::memory_order_relaxed);
  info.vcpu = home != nullptr ? home->index() : 0;
  info.cpu = t->cpu.read(now);
  if (const Stack* stack = t->stack) {
    const std::size_t untouched = stack_untouched(*stack);
    info.stack_bytes = stack->bytes - extended_room();  // above is not for frames
    info.stack_used = untouched < info.stack_bytes ? info.stack_bytes - untouched : 0;
  } else {
    info.stack_bytes = info.stack_used = 0;
  }
  info.claim = !t->terms.realtime() ? "" : t->claim.admitted() ? "admitted" : "refused";
  return true;
}

void format_thread(TextBuffer& to, const ThreadInfo& info) {
  const std::size_t begin = to.text().size();
  std::size_t length = 0;
  while (length < sizeof info.name && info.name[length] != 0) length++;
  to.append(std::string_view(info.name, length));
  pad_to(to, 17, begin);
  to.append(std::string_view(info.cls));
  pad_to(to, 29, begin);
  to.append(std::string_view(info.state));
  pad_to(to, 37, begin);
  to.append_number(info.vcpu);
  pad_to(to, 43, begin);
  to.append(FormatArgument(info.cpu), {});
  pad_to(to, 56, begin);
  const FormatArgument stack[] = {FormatArgument(info.stack_used), FormatArgument(info.stack_bytes)};
  if (info.stack_bytes != 0) to.format("{} of {}", stack, 2);
  if (info.claim[0] == 0) return;
  to.append(' ');
  to.append(std::string_view(info.claim));
}

}  // namespace candor::kernel
