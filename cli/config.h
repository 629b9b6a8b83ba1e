// The configuration file of `candor run`: which VMs, and what each is entitled
// to. docs/configuration.md describes it for users.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "host/admission_terms.h"

namespace candor::cli {

enum class Backend { kAuto, kProcess };

/// What real-time claims of a VM may ask for. Beyond it they run as fair.
struct RealtimeConfig {
  std::uint32_t bandwidth_ppm = 0;  // millionths of one processor; required
  std::uint32_t vcpus = 1;
  std::uint32_t max_priority = 50;
  Duration period = milliseconds(10);  // of the server in static-dl mode
};

struct VmConfig {
  std::string name;
  std::filesystem::path image;  // absolute or relative to the working directory, whatever the file said
  std::string image_place;      // how a message about the image begins: file, line, VM, key, value
  std::string cmdline;
  std::uint32_t vcpus = 1;  // fair ones
  std::uint64_t memory_bytes = 0;
  std::uint32_t weight = 100;
  Backend backend = Backend::kAuto;
  std::optional<RealtimeConfig> realtime;

  [[nodiscard]] std::uint32_t realtime_vcpus() const { return realtime ? realtime->vcpus : 0; }
};

struct Config {
  std::vector<int> cpus;  // processors that vCPUs may use, ascending; never empty
  host::AdmissionTerms admission;
  bool slices = true;  // in mode aware: fair vCPUs get slices by what their guests expect
  std::vector<VmConfig> vms;
};

/// All that is wrong with a file, one message each:
/// FILE:LINE:COLUMN: vm "a": key "memory": value "1TiB" ...; what to write instead
using ConfigErrors = std::vector<std::string>;

/// `online` and `allowed` are the host's processors; [host] cpus defaults to the allowed ones.
struct HostCpus {
  std::vector<int> online;
  std::vector<int> allowed;
};
HostCpus host_cpus();

Result<Config, ConfigErrors> load_config(const std::filesystem::path& file,
                                         const HostCpus& host = host_cpus());

/// The same from text; `file` is only named in messages and the origin of relative image paths.
Result<Config, ConfigErrors> parse_config(std::string_view text, const std::filesystem::path& file,
                                          const HostCpus& host);

}  // namespace candor::cli
