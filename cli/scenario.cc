#include "cli/scenario.h"

#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "cli/scenario_reader.h"

namespace candor::cli {
namespace {

using sim::Scenario;

constexpr std::uint32_t kProcessorsMax = 256;
constexpr std::uint32_t kRunsMax = 1'000'000;
constexpr Duration kDurationMin = milliseconds(1);
constexpr Duration kDurationMax = seconds(100'000);
constexpr Duration kCostMax = milliseconds(1);

ConfigReader::Names policy_names() {
  ConfigReader::Names names;
  for (const sim::Policy policy : sim::kPolicies) names.emplace_back(sim::to_string(policy));
  return names;
}

ConfigReader::Names measure_names() {
  ConfigReader::Names names;
  for (const sim::MeasureInfo& measure : sim::all_measures()) names.emplace_back(measure.key);
  return names;
}

/// The elements of a list that has at least one; null where it is not there, or wrong.
const toml::array* read_list(ConfigReader& reader, const toml::table& table, std::string_view key,
                             std::string_view of_what) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return nullptr;
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty()) {
    reader.fail(*node, key, fmt::format("is not a list; write [...] with one {} or more", of_what));
    return nullptr;
  }
  return array;
}

void read_processors(ConfigReader& reader, const toml::table& root, Scenario& scenario) {
  const toml::array* list = read_list(reader, root, "processors", "number");
  if (list == nullptr) return;
  scenario.processors.clear();
  for (const toml::node& element : *list) {
    const auto value = element.value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > kProcessorsMax) {
      reader.fail(
          element, "processors",
          fmt::format("is no number of processors; write whole numbers from 1 to {}", kProcessorsMax));
    } else if (!scenario.processors.empty() && *value <= scenario.processors.back()) {
      reader.fail(element, "processors", "does not ascend; write each number once, the smallest first");
    } else {
      scenario.processors.push_back(static_cast<std::uint32_t>(*value));
    }
  }
}

void read_policies(ConfigReader& reader, const toml::table& root, Scenario& scenario) {
  scenario.policies.assign(std::begin(sim::kPolicies), std::end(sim::kPolicies));
  const toml::array* list = read_list(reader, root, "policies", "name");
  if (list == nullptr) return;
  scenario.policies.clear();
  for (const toml::node& element : *list) {
    const auto name = element.value_exact<std::string>();
    if (!name) {
      reader.fail(element, "policies", "is not a string; write names in double quotes");
      continue;
    }
    const auto choice = reader.choice(element, "policies", *name, policy_names());
    if (!choice) continue;
    const sim::Policy policy = sim::kPolicies[*choice];
    if (std::find(scenario.policies.begin(), scenario.policies.end(), policy) != scenario.policies.end())
      reader.fail(element, "policies", "is there already; write each policy once");
    scenario.policies.push_back(policy);
  }
}

void read_axis(ConfigReader& reader, const toml::table& root, Scenario& scenario) {
  const toml::table* table = read_table(reader, root, "axis");
  if (table == nullptr) return;
  reader.reject_unknown(*table, {"name", "values"});
  sim::Axis axis;
  axis.values.clear();
  axis.name = reader.string(*table, "name").value_or("");
  if (axis.name.empty())
    reader.fail(table->source(), "key \"name\" is missing; say what changes, with its unit");
  if (!table->contains("values"))
    reader.fail(table->source(), "key \"values\" is missing; add values = [1, 2, 4] or names");
  if (const toml::array* list = read_list(reader, *table, "values", "number or name")) {
    const bool names = (*list)[0].is_string();
    for (const toml::node& element : *list) {
      const auto name = element.value_exact<std::string>();
      const auto number = element.is_number() ? element.value<double>() : std::nullopt;
      if (names ? !name : !number) {
        reader.fail(element, "values",
                    "is of another kind than the first; write numbers only, or names only");
      } else if (names) {
        axis.values.push_back(static_cast<double>(axis.labels.size()));
        axis.labels.push_back(*name);
      } else if (!(*number >= 0) || (!axis.values.empty() && *number <= axis.values.back())) {
        reader.fail(element, "values", "does not ascend from 0; write each number once, the smallest first");
      } else {
        axis.values.push_back(*number);
      }
    }
  }
  scenario.axis = std::move(axis);
}

void read_host(ConfigReader& reader, const toml::table& root, sim::MachineSpec& machine) {
  const toml::table* table = read_table(reader, root, "host");
  if (table == nullptr) return;
  reader.reject_unknown(*table, {"context_switch", "wake_up", "guest_switch", "decision", "rank_change",
                                 "slice", "fair_server", "stolen", "stolen_every"});
  const auto read = [&](std::string_view key, Duration low, Duration high, Duration& value) {
    value = reader.duration(*table, key, low, high).value_or(value);
  };
  read("context_switch", {}, kCostMax, machine.costs.context_switch);
  read("wake_up", {}, kCostMax, machine.costs.wake_up);
  read("guest_switch", {}, kCostMax, machine.costs.guest_switch);
  read("decision", {}, kCostMax, machine.costs.decision);
  read("rank_change", {}, kCostMax, machine.costs.rank_change);
  read("slice", microseconds(100), seconds(1), machine.slice);
  read("fair_server", {}, milliseconds(500), machine.fair_server);
  read("stolen", {}, milliseconds(100), machine.stolen);
  read("stolen_every", milliseconds(10), seconds(3600), machine.stolen_every);
}

/// Names of all thread sets, and what is wrong with their classes.
std::set<std::string> check_sets(ConfigReader& reader, const toml::table& root, const Scenario& scenario) {
  std::set<std::string> names;
  std::vector<const sim::ThreadSpec*> threads;
  for (const sim::VmKind& kind : scenario.vms)
    for (const sim::ThreadKind& thread : kind.threads) {
      for (const sim::ThreadSpec* other : threads)
        if (other->set == thread.thread.set && other->cls != thread.thread.cls)
          reader.fail(
              root["vm"].node()->source(),
              fmt::format("set \"{}\" has threads of different classes; give each class a set of its own",
                          other->set));
      threads.push_back(&thread.thread);
      names.insert(thread.thread.set);
    }
  return names;
}

void read_pictures(ConfigReader& reader, const toml::table& root, const std::set<std::string>& sets,
                   Scenario& scenario) {
  for (const toml::table* table : read_tables(reader, root, "picture")) {
    reader.set_subject("[[picture]]");
    reader.reject_unknown(*table, {"measure", "set", "title", "limit"});
    sim::Shown shown;
    if (const auto choice = reader.choice(*table, "measure", measure_names()))
      shown.measure = sim::all_measures()[*choice].measure;
    else if (!table->contains("measure"))
      reader.fail(table->source(),
                  "key \"measure\" is missing; " + ConfigReader::suggestion("", measure_names()));
    shown.title = reader.string(*table, "title").value_or("");
    shown.set = reader.string(*table, "set").value_or("");
    if (!shown.set.empty() && !info(shown.measure).of_set)
      reader.fail(*table->get("set"), "set",
                  fmt::format("has no meaning with measure \"{}\", which is of the whole machine; remove it",
                              info(shown.measure).key));
    else if (!shown.set.empty() && !scenario.random)
      reader.choice(*table->get("set"), "set", shown.set, {sets.begin(), sets.end()});
    if (table->contains("limit")) shown.limit = read_number(reader, *table, "limit", {0, 1e12}, 0);
    scenario.shown.push_back(std::move(shown));
  }
}

void read_top(ConfigReader& reader, const toml::table& root, Scenario& scenario) {
  reader.reject_unknown(root, {"name", "title", "seed", "duration", "runs", "until_miss", "processors",
                               "policies", "axis", "host", "random", "vm", "picture"});
  scenario.name = reader.string(root, "name").value_or("");
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (!root.contains("name"))
    reader.fail(root.source(), "key \"name\" is missing; add name = \"...\"");
  else if (scenario.name.empty() || scenario.name.find_first_not_of(kLetters) != std::string::npos)
    reader.fail(*root.get("name"), "name", "is not a name; write small letters, digits, '_' or '-'");
  scenario.title = reader.string(root, "title").value_or(scenario.name);
  scenario.seed = reader.integer(root, "seed", 0, std::numeric_limits<std::uint32_t>::max(), 1);
  scenario.duration =
      reader.duration(root, "duration", kDurationMin, kDurationMax).value_or(scenario.duration);
  scenario.runs = reader.integer(root, "runs", 1, kRunsMax, scenario.runs);
  if (const toml::node* node = root.get("until_miss")) {
    const auto value = node->value_exact<bool>();
    if (!value) reader.fail(*node, "until_miss", "is not true or false; write one of them");
    scenario.until_miss = value.value_or(false);
  }
  read_processors(reader, root, scenario);
  read_policies(reader, root, scenario);
}

}  // namespace

Result<Scenario, ConfigErrors> parse_scenario(std::string_view text, const std::filesystem::path& file) {
  ConfigReader reader(file.string());
  const toml::parse_result parsed = toml::parse(text, file.string());
  if (!parsed) {
    reader.fail(parsed.error().source(), fmt::format("not TOML: {}", parsed.error().description()));
    return Error{std::move(reader.errors())};
  }
  const toml::table& root = parsed.table();
  Scenario scenario;
  read_top(reader, root, scenario);
  read_axis(reader, root, scenario);
  read_host(reader, root, scenario.machine);
  Points points;
  points.processors = scenario.processors;
  points.loads = scenario.loads();
  points.axis = scenario.axis.has_value();
  if (scenario.axis) points.labels = scenario.axis->labels;
  scenario.random = read_random(reader, root, points);
  reader.set_subject("");
  if (scenario.random && root.contains("vm"))
    reader.fail(root.get("vm")->source(), "[[vm]] and [random] exclude each other; remove one of them");
  else if (!scenario.random)
    scenario.vms = read_vm_kinds(reader, root, points);
  reader.set_subject("");
  read_pictures(reader, root, check_sets(reader, root, scenario), scenario);
  if (!reader.errors().empty()) return Error{std::move(reader.errors())};
  return scenario;
}

Result<Scenario, ConfigErrors> load_scenario(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  // A directory opens and cannot be read.
  if (!stream || !(text << stream.rdbuf())) {
    return Error{
        ConfigErrors{fmt::format("{}: cannot be read; give the path of a scenario file", file.string())}};
  }
  return parse_scenario(text.str(), file);
}

Result<std::vector<sim::Policy>, std::string> parse_policies(const std::vector<std::string>& names) {
  const ConfigReader::Names known = policy_names();
  std::vector<sim::Policy> policies;
  for (const std::string& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end())
      return Error{fmt::format("value \"{}\" is unknown; {}", name, ConfigReader::suggestion(name, known))};
    const sim::Policy policy = sim::kPolicies[found - known.begin()];
    if (std::find(policies.begin(), policies.end(), policy) == policies.end()) policies.push_back(policy);
  }
  return policies;
}

}  // namespace candor::cli
