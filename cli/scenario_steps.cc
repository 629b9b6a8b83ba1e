#include "cli/scenario_steps.h"

#include "abi/candor.h"

namespace candor::cli {
namespace {

using sim::Step;

constexpr Duration kComputeMax = seconds(100);
constexpr const char* kGrammar =
    "write \"compute 100us\", \"lock NAME\", \"unlock NAME\", \"wake THREAD\" or \"wait\"";

class StepReader {
 public:
  StepReader(ConfigReader& reader, StepNames& names) : reader_(reader), names_(names) {}

  void read(const toml::node& node) {
    const auto written = node.value_exact<std::string>();
    if (!written) return reader_.fail(node, "steps", std::string("is not a string; ") + kGrammar);
    const std::string_view text = *written;
    const std::size_t blank = text.find(' ');
    const std::string_view verb = text.substr(0, blank);
    const std::string operand(blank == std::string_view::npos ? "" : text.substr(blank + 1));
    if (verb == "compute") return compute(node, operand);
    if (verb == "lock" && !operand.empty()) return lock(node, operand);
    if (verb == "unlock" && !operand.empty()) return unlock(node, operand);
    if (verb == "wake" && !operand.empty()) return wake(node, operand);
    if (text == "wait") return steps_.push_back({.kind = Step::Kind::kWait, .time = {}, .target = 0});
    reader_.fail(node, "steps", std::string("is no step; ") + kGrammar);
  }

  std::vector<Step> finish(const toml::node& list) {
    if (!held_.empty())
      reader_.fail(list.source(),
                   fmt::format("lock \"{}\" is still held at the end of the steps; add \"unlock {}\"",
                               held_.back(), held_.back()));
    if (!computes_)
      reader_.fail(list.source(),
                   "the steps take no time, so their rounds would never end; add a \"compute\"");
    return std::move(steps_);
  }

 private:
  void compute(const toml::node& node, const std::string& operand) {
    const auto time = parse_duration(operand);
    if (!time || *time <= Duration{} || *time > kComputeMax)
      return reader_.fail(node, "steps",
                          fmt::format("is {}; write for example \"compute 100us\", at most {}",
                                      time ? "outside the limits" : "no time with unit ns, us, ms or s",
                                      format_duration(kComputeMax)));
    computes_ = true;
    steps_.push_back({.kind = Step::Kind::kCompute, .time = *time, .target = 0});
  }

  void lock(const toml::node& node, const std::string& name) {
    if (std::find(held_.begin(), held_.end(), name) != held_.end())
      return reader_.fail(node, "steps", "takes a lock that is held already; unlock it first");
    const auto [lock, added] =
        names_.locks.try_emplace(name, static_cast<std::uint32_t>(names_.locks.size()));
    if (added && names_.locks.size() > CANDOR_MAX_LOCKS)
      return reader_.fail(node, "steps",
                          fmt::format("is one lock more than the limit of {}; share some", CANDOR_MAX_LOCKS));
    held_.push_back(name);
    steps_.push_back({.kind = Step::Kind::kLock, .time = {}, .target = lock->second});
  }

  void unlock(const toml::node& node, const std::string& name) {
    if (held_.empty() || held_.back() != name)
      return reader_.fail(node, "steps",
                          held_.empty()
                              ? "releases a lock that is not held; lock it before"
                              : fmt::format("releases out of turn; write \"unlock {}\" before, since the "
                                            "last lock taken is released first",
                                            held_.back()));
    held_.pop_back();
    steps_.push_back({.kind = Step::Kind::kUnlock, .time = {}, .target = names_.locks.at(name)});
  }

  void wake(const toml::node& node, const std::string& name) {
    const auto found = std::find(names_.threads.begin(), names_.threads.end(), name);
    if (found == names_.threads.end())
      return reader_.fail(node, "steps",
                          fmt::format("wakes \"{}\", which is no thread of this VM; {}", name,
                                      ConfigReader::suggestion(name, names_.threads)));
    steps_.push_back({.kind = Step::Kind::kWake,
                      .time = {},
                      .target = static_cast<std::uint32_t>(found - names_.threads.begin())});
  }

  ConfigReader& reader_;
  StepNames& names_;
  std::vector<Step> steps_;
  std::vector<std::string> held_;  // locks, the last one taken last
  bool computes_ = false;
};

}  // namespace

std::vector<Step> read_steps(ConfigReader& reader, const toml::table& table, StepNames& names) {
  const toml::node* node = table.get("steps");
  if (node == nullptr) return {};
  const toml::array* list = node->as_array();
  if (list == nullptr || list->empty()) {
    reader.fail(*node, "steps", std::string("is not a list; write [...] with steps: ") + kGrammar);
    return {};
  }
  const std::size_t before = reader.errors().size();
  StepReader steps(reader, names);
  for (const toml::node& element : *list) steps.read(element);
  // A wrong step explains itself; what follows from it need not.
  return reader.errors().size() == before ? steps.finish(*node) : std::vector<Step>{};
}

}  // namespace candor::cli
