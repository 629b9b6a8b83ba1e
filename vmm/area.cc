#include "vmm/area.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace candor::vmm {

Result<Fd, std::string> make_sealed_memory(const char* name, std::uint64_t bytes) {
  Fd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.open() || ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return Error{fmt::format("cannot make {} KiB of shared memory \"{}\": {}", bytes / 1024, name,
                             std::strerror(errno))};
  return fd;
}

Result<VmMemory, std::string> make_vm_memory(std::uint64_t ram_bytes) {
  auto area = make_sealed_memory("candor-area", CANDOR_AREA_BYTES);
  if (!area.ok()) return Error{area.error()};
  auto ram = make_sealed_memory("candor-ram", ram_bytes);
  if (!ram.ok()) return Error{ram.error()};
  return VmMemory{.area = std::move(*area), .ram = std::move(*ram)};
}

Result<Area, std::string> Area::create() {
  auto fd = make_sealed_memory("candor-area", CANDOR_AREA_BYTES);
  if (!fd.ok()) return Error{fd.error()};
  return map(std::move(*fd));
}

Result<Area, std::string> Area::map(Fd memory) {
  void* const base = mmap(nullptr, CANDOR_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (base == MAP_FAILED) return Error{fmt::format("cannot map the shared area: {}", std::strerror(errno))};
  return Area(std::move(memory), static_cast<std::uint8_t*>(base));
}

Area::Area(Area&& other) noexcept : fd_(std::move(other.fd_)), base_(std::exchange(other.base_, nullptr)) {}

Area::~Area() {
  if (base_ != nullptr) munmap(base_, CANDOR_AREA_BYTES);
}

std::string printable(const char* text, std::size_t limit) {
  std::string result;
  for (std::size_t i = 0; i < limit; i++) {
    const char c = __atomic_load_n(text + i, __ATOMIC_RELAXED);
    if (c == '\0') break;
    result += c >= ' ' && c <= '~' ? c : '?';
  }
  return result;
}

}  // namespace candor::vmm
