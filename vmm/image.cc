#include "vmm/image.h"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>

#include "abi/candor.h"

namespace candor::vmm {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMaxFileBytes = 256ull << 20;
constexpr std::size_t kMaxSegments = 16;

std::uint64_t round_up(std::uint64_t value) {
  return (value + kPage - 1) & ~(kPage - 1);
}

/// A T at `offset` of the file, or nothing if it does not lie there as a whole.
template <typename T>
std::optional<T> read_at(std::span<const std::byte> file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

/// Looks for Candor's note in one PT_NOTE segment.
std::optional<candor_image_note> find_note(std::span<const std::byte> file, const Elf64_Phdr& header) {
  if (header.p_offset > file.size() || header.p_filesz > file.size() - header.p_offset) return std::nullopt;
  const std::span<const std::byte> notes = file.subspan(header.p_offset, header.p_filesz);
  std::uint64_t at = 0;
  while (auto note = read_at<Elf64_Nhdr>(notes, at)) {
    const std::uint64_t name = at + sizeof *note;
    const std::uint64_t description = name + ((std::uint64_t{note->n_namesz} + 3) & ~3ull);
    const std::uint64_t next = description + ((std::uint64_t{note->n_descsz} + 3) & ~3ull);
    if (description > notes.size() || note->n_namesz > notes.size() - name) return std::nullopt;
    if (note->n_type == CANDOR_NOTE_TYPE && note->n_namesz == sizeof CANDOR_NOTE_OWNER &&
        std::memcmp(notes.data() + name, CANDOR_NOTE_OWNER, sizeof CANDOR_NOTE_OWNER) == 0 &&
        note->n_descsz >= sizeof(candor_image_note))
      return read_at<candor_image_note>(notes, description);
    at = next;
  }
  return std::nullopt;
}

}  // namespace

Result<Image, std::string> parse_image(std::span<const std::byte> file, std::uint64_t memory_bytes,
                                       std::uint32_t vcpus) {
  Image image;
  const auto elf = read_at<Elf64_Ehdr>(file, 0);
  if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
    return Error{std::string("is not an ELF file; build guests with candor_add_guest()")};
  if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_ident[EI_DATA] != ELFDATA2LSB ||
      elf->e_machine != EM_X86_64)
    return Error{
        fmt::format("is an ELF file for another machine (class {}, machine {}); "
                    "Candor runs 64-bit x86-64 images",
                    elf->e_ident[EI_CLASS], elf->e_machine)};
  if (elf->e_type != ET_EXEC || elf->e_phentsize != sizeof(Elf64_Phdr))
    return Error{std::string(
        "is not a static executable; link guests with guest.ld, not as a position-independent program")};

  std::optional<candor_image_note> note;
  const std::uint64_t boot_stacks = std::uint64_t{vcpus} * CANDOR_BOOT_STACK_BYTES;
  const std::uint64_t usable = memory_bytes > boot_stacks ? memory_bytes - boot_stacks : 0;
  for (unsigned i = 0; i < elf->e_phnum; i++) {
    const auto header = read_at<Elf64_Phdr>(file, elf->e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
    if (!header) return Error{fmt::format("is damaged: program header {} lies outside the file", i)};
    if (header->p_type == PT_NOTE && !note) note = find_note(file, *header);
    if (header->p_type != PT_LOAD || header->p_memsz == 0) continue;
    if (header->p_offset > file.size() || header->p_filesz > file.size() - header->p_offset ||
        header->p_filesz > header->p_memsz)
      return Error{fmt::format("is damaged: segment {} lies outside the file", i)};
    image.segments.push_back({header->p_vaddr, header->p_memsz, header->p_offset, header->p_filesz,
                              (header->p_flags & PF_W) != 0, (header->p_flags & PF_X) != 0});
  }
  if (!note)
    return Error{
        std::string("was not made for Candor: it has no note of owner \"Candor\"; build guests with "
                    "candor_add_guest(), or see docs/abi.md section 2")};
  if (note->abi_version != CANDOR_ABI_VERSION)
    return Error{fmt::format("was built for version {} of the ABI, this Candor speaks version {}; rebuild it",
                             note->abi_version, CANDOR_ABI_VERSION)};
  if (image.segments.empty()) return Error{std::string("has nothing to load; link at least one segment")};
  if (image.segments.size() > kMaxSegments)
    return Error{fmt::format("has {} segments to load, above the limit of {}; link with guest.ld",
                             image.segments.size(), kMaxSegments)};

  std::uint64_t end = CANDOR_RAM_BASE;
  for (Image::Segment& s : image.segments) {
    if (s.address % kPage != 0 || s.address < end)
      return Error{
          fmt::format("has a segment at {:#x}, which is not page-aligned or overlaps what is below "
                      "{:#x}; link with guest.ld",
                      s.address, end)};
    if (s.writable && s.executable)
      return Error{fmt::format("has a segment at {:#x} that is both writable and executable; separate them",
                               s.address)};
    if (s.bytes > usable || s.address - CANDOR_RAM_BASE > usable - s.bytes)
      return Error{fmt::format(
          "is too large: its segment at {:#x} has {} KiB, the VM's {} KiB of memory less {} KiB of "
          "boot stacks end at {:#x}; give the VM more memory",
          s.address, s.bytes / 1024, memory_bytes / 1024, boot_stacks / 1024, CANDOR_RAM_BASE + usable)};
    s.bytes = round_up(s.bytes);
    end = s.address + s.bytes;
  }
  const auto holds_entry = [&](const Image::Segment& s) {
    return s.executable && note->entry >= s.address && note->entry - s.address < s.content_bytes;
  };
  if (std::none_of(image.segments.begin(), image.segments.end(), holds_entry))
    return Error{
        fmt::format("names the entry {:#x}, which is in none of its executable segments", note->entry)};
  image.entry = note->entry;
  for (Image::Segment& s : image.segments) {
    const auto from = file.subspan(s.offset, s.content_bytes);
    s.offset = image.contents.size();
    image.contents.insert(image.contents.end(), from.begin(), from.end());
  }
  return image;
}

Result<Image, std::string> read_image(const std::filesystem::path& path, std::uint64_t memory_bytes,
                                      std::uint32_t vcpus) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (!std::filesystem::exists(status))
    return Error{std::string("does not exist; build it or correct the path")};
  if (!std::filesystem::is_regular_file(status)) return Error{std::string("is not a regular file")};
  const auto size = std::filesystem::file_size(path, problem);
  if (problem) return Error{fmt::format("cannot be read: {}", problem.message())};
  if (size > kMaxFileBytes)
    return Error{fmt::format("has {} MiB, above the limit of {} MiB", size >> 20, kMaxFileBytes >> 20)};
  std::vector<std::byte> bytes(size);
  std::ifstream in(path, std::ios::binary);
  errno = 0;
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    return Error{fmt::format("cannot be read: {}", errno != 0 ? std::strerror(errno) : "it ended early")};
  return parse_image(bytes, memory_bytes, vcpus);
}

Result<Done, int> load_image(const Image& image, int ram_fd) {
  for (const Image::Segment& s : image.segments)
    for (std::uint64_t done = 0; done < s.content_bytes;) {
      const ssize_t wrote = pwrite(ram_fd, image.contents.data() + s.offset + done, s.content_bytes - done,
                                   static_cast<off_t>(s.address - CANDOR_RAM_BASE + done));
      if (wrote <= 0) return Error{wrote < 0 ? errno : EIO};
      done += static_cast<std::uint64_t>(wrote);
    }
  return Done{};
}

}  // namespace candor::vmm
