#include "cli/config.h"

#include <sched.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "abi/candor.h"
#include "cli/config_reader.h"
#include "cli/units.h"
#include "host/job_cost.h"
#include "sched/admission.h"

namespace candor::cli {
namespace {

constexpr std::uint64_t kMemoryDefault = 16 * kMiB;
constexpr std::uint64_t kMemoryMin = 1 * kMiB;
constexpr std::uint64_t kMemoryMax = 2 * kGiB;
constexpr std::uint64_t kPageBytes = 4096;
// candor_host_page.vm_name is 64 bytes with its zero.
constexpr std::size_t kNameMax = 63;
// A server shorter than this costs more than it serves; one longer than this is no server.
constexpr Duration kPeriodMin = microseconds(100);
constexpr Duration kPeriodMax = seconds(4);

void read_limit(ConfigReader& reader, const toml::table& table, host::AdmissionTerms& terms) {
  constexpr double kLeastPpm = 100'000;
  const double most_ppm = sched::ProcessorModel{}.ceiling_ppm;
  const toml::node* value = table.get("limit");
  if (value == nullptr) return;
  const std::optional<double> share = value->is_number() ? value->value<double>() : std::nullopt;
  const double ppm = share ? std::round(*share * 1e6) : 0;
  const std::string range = fmt::format("write the share of each processor that reserves may take, {} to {}",
                                        kLeastPpm / 1e6, most_ppm / 1e6);
  if (!share)
    reader.fail(*value, "limit", "is not a number; " + range);
  else if (!(ppm >= kLeastPpm))
    reader.fail(*value, "limit", fmt::format("is below the limit of {}; {}", kLeastPpm / 1e6, range));
  else if (ppm > most_ppm)
    reader.fail(*value, "limit", fmt::format("is above the limit of {}; {}", most_ppm / 1e6, range));
  else
    terms.limit_ppm = static_cast<std::uint32_t>(ppm);
}

void read_host(ConfigReader& reader, const toml::table& root, const HostCpus& host, Config& config) {
  config.cpus = host.allowed;
  const toml::node* node = root.get("host");
  if (!node) return;
  reader.set_subject("[host]");
  const toml::table* table = node->as_table();
  if (!table) return reader.fail(node->source(), "is not a table; write [host] on a line of its own");
  reader.reject_unknown(*table, {"cpus", "limit", "job_overhead", "slices"});
  read_limit(reader, *table, config.admission);
  config.admission.job_overhead =
      reader.duration(*table, "job_overhead", host::kLeastJobOverhead, host::kMostJobOverhead);
  config.slices = reader.boolean(*table, "slices", config.slices);
  const auto text = reader.string(*table, "cpus");
  if (!text) return;
  const toml::node& value = *table->get("cpus");
  const auto cpus = parse_cpu_list(*text);
  if (!cpus) {
    return reader.fail(value, "cpus", "is not a list of processors; write for example \"0-1\" or \"0,2\"");
  }
  const auto check = [&](const std::vector<int>& have, std::string_view what) {
    for (int cpu : *cpus) {
      if (std::binary_search(have.begin(), have.end(), cpu)) continue;
      reader.fail(value, "cpus",
                  fmt::format("names processor {}, which is {}; write processors out of \"{}\"", cpu, what,
                              format_cpu_list(have)));
      return false;
    }
    return true;
  };
  if (check(host.online, "not online") &&
      check(host.allowed, "not allowed to this process (see taskset -p)")) {
    config.cpus = *cpus;
  }
}

std::uint64_t read_memory(ConfigReader& reader, const toml::table& table) {
  const auto text = reader.string(table, "memory");
  if (!text) return kMemoryDefault;
  const toml::node& value = *table.get("memory");
  const std::string range =
      fmt::format("write a size from {} to {}", format_bytes(kMemoryMin), format_bytes(kMemoryMax));
  const auto bytes = parse_bytes(*text);
  if (!bytes) {
    reader.fail(value, "memory", "is not a size with unit KiB, MiB or GiB; " + range);
  } else if (*bytes > kMemoryMax) {
    reader.fail(value, "memory",
                fmt::format("is above the limit of {}; {}", format_bytes(kMemoryMax), range));
  } else if (*bytes < kMemoryMin) {
    reader.fail(value, "memory",
                fmt::format("is below the limit of {}; {}", format_bytes(kMemoryMin), range));
  } else if (*bytes % kPageBytes != 0) {
    reader.fail(value, "memory", "is no multiple of the page size; write a multiple of 4KiB");
  } else {
    return *bytes;
  }
  return kMemoryDefault;
}

std::string read_name(ConfigReader& reader, const toml::table& table) {
  const auto name = reader.string(table, "name");
  if (!name) {
    if (!table.contains("name")) reader.fail(table.source(), "key \"name\" is missing; add name = \"...\"");
    return "";
  }
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name->empty() || name->size() > kNameMax || name->find_first_not_of(kLetters) != std::string::npos) {
    reader.fail(*table.get("name"), "name",
                fmt::format("is not a name; write 1 to {} letters, digits, '.', '_' or '-'", kNameMax));
  }
  return *name;
}

std::optional<RealtimeConfig> read_realtime(ConfigReader& reader, const toml::table& vm) {
  const toml::node* node = vm.get("realtime");
  if (!node) return std::nullopt;
  const toml::table* table = node->as_table();
  if (!table) {
    reader.fail(*node, "realtime", "is not a table; write [vm.realtime] and its keys below");
    return std::nullopt;
  }
  reader.reject_unknown(*table, {"bandwidth", "vcpus", "max_priority", "period"});
  RealtimeConfig config;
  config.vcpus = reader.integer(*table, "vcpus", 1, CANDOR_MAX_VCPUS - 1, config.vcpus);
  config.max_priority = reader.integer(*table, "max_priority", 1, 99, config.max_priority);

  if (const toml::node* value = table->get("bandwidth")) {
    // Each vCPU is on one processor at a time, so more than their number cannot be used.
    const std::optional<double> share = value->is_number() ? value->value<double>() : std::nullopt;
    const std::string range = fmt::format(
        "write the share of one processor, above 0 and up to {} "
        "(the number of real-time vcpus), for example 0.25",
        config.vcpus);
    const double ppm = share ? std::round(*share * 1e6) : 0;
    if (!share) {
      reader.fail(*value, "bandwidth", "is not a number; " + range);
    } else if (!(ppm >= 1)) {
      reader.fail(*value, "bandwidth", "is not above 0; " + range);
    } else if (ppm > config.vcpus * 1e6) {
      reader.fail(*value, "bandwidth", fmt::format("is above the limit of {}; {}", config.vcpus, range));
    } else {
      config.bandwidth_ppm = static_cast<std::uint32_t>(ppm);
    }
  } else {
    reader.fail(table->source(),
                "key \"realtime.bandwidth\" is missing; add bandwidth = 0.25 or another share");
  }

  if (const auto text = reader.string(*table, "period")) {
    const auto period = parse_duration(*text);
    if (!period || *period < kPeriodMin || *period > kPeriodMax) {
      reader.fail(*table->get("period"), "period",
                  fmt::format("is {}; write a time from 100us to 4s, for example \"10ms\"",
                              period ? "outside the limits" : "not a time with unit ns, us, ms or s"));
    } else {
      config.period = *period;
    }
  }
  return config;
}

VmConfig read_vm(ConfigReader& reader, const toml::table& table, const std::filesystem::path& origin) {
  VmConfig vm;
  const auto name = table["name"].value<std::string>();
  reader.set_subject(name ? fmt::format("vm \"{}\"", *name) : "vm");
  reader.reject_unknown(table,
                        {"name", "image", "cmdline", "vcpus", "memory", "weight", "backend", "realtime"});
  vm.name = read_name(reader, table);

  if (const auto image = reader.string(table, "image"); image && !image->empty()) {
    vm.image = (origin / *image).lexically_normal();
    vm.image_place = reader.place(*table.get("image"), "image");
  } else if (image) {
    reader.fail(*table.get("image"), "image", "is empty; write the path of an ELF image");
  } else if (!table.contains("image")) {
    reader.fail(table.source(), "key \"image\" is missing; add image = \"path of an ELF image\"");
  }

  vm.memory_bytes = read_memory(reader, table);
  vm.vcpus = reader.integer(table, "vcpus", 1, CANDOR_MAX_VCPUS, vm.vcpus);
  vm.weight = reader.integer(table, "weight", 1, 10000, vm.weight);
  vm.cmdline = reader.string(table, "cmdline").value_or("");
  if (vm.cmdline.size() >= CANDOR_CMDLINE_BYTES) {
    reader.fail(table.get("cmdline")->source(),
                fmt::format("key \"cmdline\": value has {} bytes, the limit is {}; shorten it",
                            vm.cmdline.size(), CANDOR_CMDLINE_BYTES - 1));
  } else if (vm.cmdline.find('\0') != std::string::npos) {
    reader.fail(table.get("cmdline")->source(), "key \"cmdline\": value contains a zero byte; remove it");
  }

  const std::string backend = reader.string(table, "backend").value_or("auto");
  if (backend == "process") {
    vm.backend = Backend::kProcess;
  } else if (backend != "auto") {
    reader.fail(*table.get("backend"), "backend", "is unknown; write \"auto\" or \"process\"");
  }

  vm.realtime = read_realtime(reader, table);
  if (vm.vcpus + vm.realtime_vcpus() > CANDOR_MAX_VCPUS) {
    const toml::node* value = table.get("vcpus");
    reader.fail(
        value ? value->source() : table.source(),
        fmt::format("key \"vcpus\": value {} and {} real-time vcpus are together above the limit of {}; "
                    "lower one of them",
                    vm.vcpus, vm.realtime_vcpus(), CANDOR_MAX_VCPUS));
  }
  return vm;
}

void read_vms(ConfigReader& reader, const toml::table& root, const std::filesystem::path& origin,
              Config& config) {
  reader.set_subject("");
  const toml::node* node = root.get("vm");
  const toml::array* array = node ? node->as_array() : nullptr;
  if (!array || array->empty()) {
    return reader.fail(node ? node->source() : root.source(), "no VM is described; add a table [[vm]]");
  }
  std::set<std::string> names;
  for (const toml::node& element : *array) {
    reader.set_subject("");
    const toml::table* table = element.as_table();
    if (!table) {
      reader.fail(element.source(), "an element of \"vm\" is not a table; write [[vm]]");
      continue;
    }
    config.vms.push_back(read_vm(reader, *table, origin));
    const std::string& name = config.vms.back().name;
    if (!name.empty() && !names.insert(name).second) {
      reader.fail(*table->get("name"), "name", "belongs to an earlier VM; give each VM a name of its own");
    }
  }
}

/// What the VMs are promised together must be there.
void check_reserves(ConfigReader& reader, const toml::table& root, const Config& config) {
  std::uint64_t sum_ppm = 0;
  std::string terms;
  const toml::node* last = nullptr;
  for (std::size_t i = 0; i < config.vms.size(); ++i) {
    const auto& realtime = config.vms[i].realtime;
    if (!realtime) continue;
    sum_ppm += realtime->bandwidth_ppm;
    terms += fmt::format("{}{}", terms.empty() ? "" : " + ", realtime->bandwidth_ppm / 1e6);
    last = root["vm"][i]["realtime"]["bandwidth"].node();
  }
  std::vector<sched::Entitlement> entitlements;
  for (const VmConfig& vm : config.vms)
    entitlements.push_back({.weight = vm.weight,
                            .bandwidth_ppm = vm.realtime ? vm.realtime->bandwidth_ppm : 0,
                            .max_priority = 0,
                            .fair_vcpus = vm.vcpus,
                            .realtime_vcpus = vm.realtime_vcpus()});
  sched::ProcessorModel model;
  model.limit_ppm = config.admission.limit_ppm;
  const sched::FitReport fit =
      sched::entitlements_fit(entitlements, static_cast<std::uint32_t>(config.cpus.size()), model);
  switch (fit.misfit) {
    case sched::Misfit::kNothing:
      return;
    case sched::Misfit::kSum:
      reader.set_subject("the reserves of all VMs");
      return reader.fail(
          *last, "bandwidth",
          fmt::format(
              "brings their sum to {} = {}, above the limit of {} ({} of each of {} processors); lower "
              "some, or give [host] more cpus",
              terms, sum_ppm / 1e6, fit.limit_ppm / 1e6, model.limit_ppm / 1e6, config.cpus.size()));
    case sched::Misfit::kVm:
    case sched::Misfit::kPacking:
      break;
  }
  const VmConfig& vm = config.vms[fit.vm];
  reader.set_subject(fmt::format("vm \"{}\"", vm.name));
  const toml::node& place = *root["vm"][fit.vm]["realtime"]["bandwidth"].node();
  if (fit.misfit == sched::Misfit::kVm)
    return reader.fail(
        place, "bandwidth",
        fmt::format("is above the limit of {}, {} for each of its {} real-time vCPUs; lower it, or "
                    "give [vm.realtime] more vcpus",
                    fit.limit_ppm / 1e6, model.limit_ppm / 1e6, vm.realtime_vcpus()));
  reader.fail(
      place, "bandwidth",
      fmt::format("does not fit whole: {} = {} is within the limit for {} processors, but no one of them has "
                  "room for this part within its {}; lower some, give [vm.realtime] more vcpus to spread "
                  "it, or give [host] more cpus",
                  terms, sum_ppm / 1e6, config.cpus.size(), model.limit_ppm / 1e6));
}

}  // namespace

HostCpus host_cpus() {
  HostCpus host;
  std::ifstream file("/sys/devices/system/cpu/online");
  std::string text;
  std::getline(file, text);
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) host.allowed.push_back(cpu);
    }
  }
  // A container may hide /sys; what may be used is then all that is known.
  host.online = parse_cpu_list(text).value_or(host.allowed);
  return host;
}

Result<Config, ConfigErrors> parse_config(std::string_view text, const std::filesystem::path& file,
                                          const HostCpus& host) {
  ConfigReader reader(file.string());
  const toml::parse_result parsed = toml::parse(text, file.string());
  if (!parsed) {
    reader.fail(parsed.error().source(), fmt::format("not TOML: {}", parsed.error().description()));
    return Error{std::move(reader.errors())};
  }
  const toml::table& root = parsed.table();
  Config config;
  reader.reject_unknown(root, {"host", "vm"});
  read_host(reader, root, host, config);
  read_vms(reader, root, file.parent_path(), config);
  if (reader.errors().empty()) check_reserves(reader, root, config);
  if (!reader.errors().empty()) return Error{std::move(reader.errors())};
  return config;
}

Result<Config, ConfigErrors> load_config(const std::filesystem::path& file, const HostCpus& host) {
  std::ifstream stream(file);
  std::ostringstream text;
  // A directory opens and cannot be read.
  if (!stream || !(text << stream.rdbuf())) {
    return Error{ConfigErrors{
        fmt::format("{}: cannot be read; give the path of a configuration file", file.string())}};
  }
  return parse_config(text.str(), file, host);
}

}  // namespace candor::cli
