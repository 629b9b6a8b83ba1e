// [random] of a scenario file.
#include "cli/scenario_reader.h"
#include "sim/random_sets.h"

namespace candor::cli {
namespace {

constexpr double kSetVmsMax = 1'000, kSetTasksMax = 10'000;
constexpr Duration kSetPeriodMin = milliseconds(1), kSetPeriodMax = milliseconds(100);

const char* remedy_of(sim::analysis::ShapeError error) {
  using sim::analysis::ShapeError;
  switch (error) {
    case ShapeError::kTasks:
      return "there are fewer tasks than VMs; raise \"tasks\" or lower \"vms\"";
    case ShapeError::kUtilisation:
      return "so few tasks cannot use so much; raise \"tasks\" or \"task_max\", or lower \"utilisation\"";
    case ShapeError::kPeriods:
      return "no period lies there; write \"period_min\" and \"period_max\" further apart, from 1ms to 100ms";
    case ShapeError::kDeadline:
      break;
  }
  return "\"deadline_min\" is out of its range; write a number from 0 to 1";
}

/// At every point there are such task sets.
void check_random(ConfigReader& reader, const toml::table& table, const Points& points,
                  const sim::RandomSets& sets) {
  for (const std::uint32_t processors : points.processors)
    for (const double load : points.loads) {
      const sim::analysis::TaskSetShape shape = sim::shape_at(sets, processors, load);
      const auto drawn = sim::analysis::random_task_set(shape, sim::Random(0));
      const std::string where =
          fmt::format(" with {} processors and utilisation {}", processors, shape.utilisation);
      if (!drawn.ok())
        return reader.fail(table.source(), "no task set" + where + ": " + remedy_of(drawn.error()));
      // A real-time vCPU for each task, and one fair one.
      const std::uint32_t most = (shape.tasks + shape.vms - 1) / shape.vms;
      if (most >= CANDOR_MAX_VCPUS)
        return reader.fail(table.source(),
                           fmt::format("a VM has {} tasks{}, above the limit of {}; raise \"vms\"", most,
                                       where, CANDOR_MAX_VCPUS - 1));
    }
}

}  // namespace

std::optional<sim::RandomSets> read_random(ConfigReader& reader, const toml::table& root,
                                           const Points& points) {
  const toml::table* table = read_table(reader, root, "random");
  if (table == nullptr) return std::nullopt;
  reader.reject_unknown(
      *table, {"utilisation", "vms", "tasks", "task_max", "period_min", "period_max", "deadline_min"});
  const std::size_t before = reader.errors().size();
  for (const char* key : {"utilisation", "vms", "tasks"})
    if (!table->contains(key))
      reader.fail(table->source(),
                  fmt::format("key \"{0}\" is missing; add {0} = ... (docs/simulator.md)", key));
  sim::RandomSets sets;
  sets.utilisation = read_scaled(reader, *table, "utilisation", points, {0.001, 1}, false, {});
  sets.vms = read_scaled(reader, *table, "vms", points, {1, kSetVmsMax}, true, {});
  sets.tasks = read_scaled(reader, *table, "tasks", points, {1, kSetTasksMax}, true, {});
  sets.task_max = read_number(reader, *table, "task_max", {0.001, 1}, sets.task_max);
  sets.deadline_min = read_number(reader, *table, "deadline_min", {0, 1}, sets.deadline_min);
  sets.period_min =
      reader.duration(*table, "period_min", kSetPeriodMin, kSetPeriodMax).value_or(sets.period_min);
  sets.period_max =
      reader.duration(*table, "period_max", kSetPeriodMin, kSetPeriodMax).value_or(sets.period_max);
  if (reader.errors().size() == before) check_random(reader, *table, points, sets);
  return sets;
}

}  // namespace candor::cli
