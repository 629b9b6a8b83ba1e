// One task of the load guest, as its command line describes it. Pure.
#pragma once

#include <string_view>

#include "base/result.h"
#include "guest/parse.h"
#include "guest/terms.h"

namespace candor::load {

struct Task {
  std::string_view name;
  Terms terms;
  Duration work;  // of each job; zero for fair and background tasks, which never rest
};

/// Why a word is no task: the part that is wrong, and what is allowed there.
struct BadWord {
  std::string_view part;
  const char* allowed;
  // Where it is work that does not fit: the reserve that it takes, and the most work that would fit (0:
  // none).
  Duration reserve{}, most{};
};

namespace detail {

constexpr Duration kShortestPeriod = microseconds(100), kLongestPeriod = seconds(60);

inline Result<Duration, BadWord> parse_period(std::string_view text) {
  const auto period = parse_duration(text);
  if (!period || *period < kShortestPeriod || *period > kLongestPeriod)
    return Error{BadWord{text, "a period from 100us to 60s, such as 5ms or 16.7ms"}};
  return *period;
}

/// The most work whose reserve fits into `deadline`; zero if none does.
constexpr Duration most_work(Duration deadline) {
  const std::int64_t room = (deadline - Terms::budget_for({})).ns;
  return {room > 0 ? room - (room + 64) / 65 : 0};  // the reserve adds a 64th of the work
}

inline Result<Duration, BadWord> parse_work(std::string_view text, Duration deadline) {
  const auto work = parse_duration(text);
  if (!work || work->ns <= 0) return Error{BadWord{text, "work in processor time, such as 1ms"}};
  // Its reserve is a little more than the work, and must fit too.
  const Duration reserve = Terms::budget_for(*work);
  if (reserve > deadline)
    return Error{BadWord{text, "work whose reserve fits before the deadline", reserve, most_work(deadline)}};
  return *work;
}

}  // namespace detail

/// Reads one of
///   thread=NAME:deadline:PERIOD:WORK[:DEADLINE]
///   thread=NAME:fixed:PRIORITY:PERIOD:WORK
///   thread=NAME:fair
///   thread=NAME:background
/// The name is part of `word`, which must live as long.
inline Result<Task, BadWord> parse_task(std::string_view word) {
  std::string_view rest = word;
  if (take_until(rest, '=') != "thread") return Error{BadWord{word, "thread=NAME:CLASS..."}};
  Task task;
  task.name = take_until(rest, ':');
  if (task.name.empty() || task.name.size() >= CANDOR_NAME_BYTES)
    return Error{BadWord{task.name, "a name of 1 to 15 characters"}};
  const std::string_view cls = take_until(rest, ':');
  if (cls == "fair" || cls == "background") {
    task.terms = cls == "fair" ? Terms::fair() : Terms::background();
  } else if (cls == "deadline") {
    const auto period = detail::parse_period(take_until(rest, ':'));
    if (!period) return Error{period.error()};
    const std::string_view work_text = take_until(rest, ':');
    Duration deadline = *period;
    if (!rest.empty()) {
      const std::string_view text = take_until(rest, ':');
      const auto given = parse_duration(text);
      if (!given || given->ns <= 0 || *given > *period)
        return Error{BadWord{text, "a deadline after the release, up to the period, such as 4ms"}};
      deadline = *given;
    }
    const auto work = detail::parse_work(work_text, deadline);
    if (!work) return Error{work.error()};
    task.work = *work;
    task.terms = Terms::deadline(*period, *work, deadline);
  } else if (cls == "fixed") {
    const std::string_view priority_text = take_until(rest, ':');
    const auto priority = parse_number(priority_text);
    if (!priority || *priority < 1 || *priority > 99)
      return Error{BadWord{priority_text, "a priority from 1 to 99"}};
    const auto period = detail::parse_period(take_until(rest, ':'));
    if (!period) return Error{period.error()};
    const auto work = detail::parse_work(take_until(rest, ':'), *period);
    if (!work) return Error{work.error()};
    task.work = *work;
    task.terms = Terms::fixed(static_cast<std::uint8_t>(*priority), *period, *work);
  } else {
    return Error{BadWord{cls, "deadline, fixed, fair or background"}};
  }
  if (!rest.empty()) return Error{BadWord{rest, "nothing more"}};
  return task;
}

}  // namespace candor::load
