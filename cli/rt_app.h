// Threads from rt-app's workload descriptions (JSON). docs/simulator.md says what of them is understood, and
// what each event becomes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/scenario.h"

namespace candor::cli {

struct RtAppVm {
  std::string name;                            // of the VM: sets are VM/TASK
  std::size_t threads = 0;                     // kinds that come before those of the file
  std::map<std::string, std::uint32_t> locks;  // of the VM by name; new ones are added
};

/// The file's tasks, sound as those of scenarios are. Else messages, each with file, path of the key, value,
/// what is possible and the remedy.
Result<std::vector<sim::ThreadKind>, std::vector<std::string>> load_rt_app(const std::filesystem::path& file,
                                                                           RtAppVm& vm);

/// The same from text; `file` is only named in messages.
Result<std::vector<sim::ThreadKind>, std::vector<std::string>> parse_rt_app(std::string_view text,
                                                                            const std::filesystem::path& file,
                                                                            RtAppVm& vm);

}  // namespace candor::cli
