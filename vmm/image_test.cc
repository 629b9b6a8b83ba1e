#include "vmm/image.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "abi/candor.h"
#include "vmm/area.h"

namespace candor::vmm {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMemory = 1 << 20;

/// An image that is right, as a struct whose fields a test can spoil.
struct Sample {
  Elf64_Ehdr elf = {};
  Elf64_Phdr headers[3] = {};
  struct [[gnu::packed]] {
    Elf64_Nhdr head = {7, 16, CANDOR_NOTE_TYPE};
    char owner[8] = "Candor";
    candor_image_note note = {CANDOR_ABI_VERSION, 0, CANDOR_RAM_BASE + 16};
  } note;  // packed: a note's descriptor follows its owner, 4-byte aligned
  char text[64] = "text";

  Sample() {
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_type = ET_EXEC;
    elf.e_machine = EM_X86_64;
    elf.e_phoff = sizeof elf;
    elf.e_phentsize = sizeof(Elf64_Phdr);
    elf.e_phnum = 3;
    headers[0] = {PT_NOTE, PF_R, offset(&note), 0, 0, sizeof note, sizeof note, 4};
    headers[1] = {PT_LOAD, PF_R | PF_X, offset(text), CANDOR_RAM_BASE, 0, sizeof text, 5000, 4096};
    headers[2] = {PT_LOAD, PF_R | PF_W, offset(text), CANDOR_RAM_BASE + 8192, 0, 4, 4096, 4096};
  }
  std::uint64_t offset(const void* field) const {
    return static_cast<std::uint64_t>(static_cast<const char*>(field) - reinterpret_cast<const char*>(this));
  }
  Result<Image, std::string> parse(std::uint64_t memory = kMemory) const {
    const auto* bytes = reinterpret_cast<const std::byte*>(this);
    return parse_image({bytes, sizeof *this}, memory, 2);
  }
  std::string error(std::uint64_t memory = kMemory) const {
    const auto image = parse(memory);
    return image.ok() ? "accepted" : image.error();
  }
};

TEST(Image, LoadsItsSegmentsAndNothingElse) {
  const auto image = Sample().parse();
  ASSERT_TRUE(image.ok()) << image.error();
  EXPECT_EQ(image->entry, CANDOR_RAM_BASE + 16);
  ASSERT_EQ(image->segments.size(), 2u);
  EXPECT_EQ(image->segments[0].bytes, 8192u);
  EXPECT_EQ(image->contents.size(), sizeof Sample::text + 4) << "not the rest of the file";
  auto file = make_sealed_memory("ram", kMemory);
  ASSERT_TRUE(file.ok()) << file.error();
  ASSERT_TRUE(load_image(*image, file->get()).ok());
  std::vector<std::byte> ram(kMemory);
  ASSERT_EQ(pread(file->get(), ram.data(), ram.size(), 0), static_cast<ssize_t>(kMemory));
  EXPECT_STREQ(reinterpret_cast<const char*>(ram.data()), "text");
  EXPECT_EQ(std::memcmp(ram.data() + 8192, "text", 4), 0);
  EXPECT_EQ(ram[8196], std::byte{0});
}

TEST(Image, RefusesWhatIsNoElf) {
  Sample s;
  s.elf.e_ident[0] = 0;
  EXPECT_THAT(s.error(), HasSubstr("not an ELF file"));
  EXPECT_FALSE(parse_image({}, kMemory, 1).ok());
}

TEST(Image, RefusesAnotherMachine) {
  Sample s;
  s.elf.e_machine = EM_AARCH64;
  EXPECT_THAT(s.error(), HasSubstr("another machine"));
}

TEST(Image, RefusesPositionIndependentPrograms) {
  Sample s;
  s.elf.e_type = ET_DYN;
  EXPECT_THAT(s.error(), HasSubstr("not a static executable"));
}

TEST(Image, RefusesWhatWasNotMadeForCandor) {
  Sample s;
  s.note.owner[0] = 'X';
  EXPECT_THAT(s.error(), HasSubstr("not made for Candor"));
}

TEST(Image, RefusesAnotherAbiVersion) {
  Sample s;
  s.note.note.abi_version = 77;
  EXPECT_THAT(s.error(), AllOf(HasSubstr("version 77"), HasSubstr("rebuild")));
}

TEST(Image, RefusesNotesThatLieAboutTheirSize) {
  Sample s;
  s.note.head.n_namesz = ~0u;
  EXPECT_THAT(s.error(), HasSubstr("not made for Candor"));
  Sample t;
  t.note.head.n_descsz = ~0u;
  EXPECT_EQ(t.error(), "accepted");  // the descriptor it needs is there; the rest is never read
}

TEST(Image, RefusesSegmentsOutsideTheFile) {
  Sample s;
  s.headers[1].p_offset = ~0ull;
  EXPECT_THAT(s.error(), HasSubstr("outside the file"));
  Sample t;
  t.elf.e_phoff = ~0ull - 8;
  EXPECT_THAT(t.error(), HasSubstr("damaged"));
}

TEST(Image, RefusesWhatDoesNotFitItsMemory) {
  EXPECT_THAT(Sample().error(2 * CANDOR_BOOT_STACK_BYTES + 4096), HasSubstr("too large"));
  EXPECT_EQ(Sample().error(2 * CANDOR_BOOT_STACK_BYTES + 12288), "accepted");
  Sample s;
  s.headers[2].p_memsz = ~0ull;
  EXPECT_THAT(s.error(), HasSubstr("too large"));
}

TEST(Image, RefusesOverlapAndDisorder) {
  Sample s;
  s.headers[2].p_vaddr = CANDOR_RAM_BASE + 4096;  // the first reaches into this page
  EXPECT_THAT(s.error(), HasSubstr("overlaps"));
  Sample t;
  t.headers[1].p_vaddr = 0;
  EXPECT_THAT(t.error(), HasSubstr("overlaps"));
  Sample u;
  u.headers[2].p_vaddr += 8;
  EXPECT_THAT(u.error(), HasSubstr("page-aligned"));
}

TEST(Image, RefusesWritableCode) {
  Sample s;
  s.headers[1].p_flags |= PF_W;
  EXPECT_THAT(s.error(), HasSubstr("both writable and executable"));
}

TEST(Image, RefusesAnEntryOutsideItsCode) {
  Sample s;
  s.note.note.entry = CANDOR_RAM_BASE + 8192;
  EXPECT_THAT(s.error(), HasSubstr("names the entry"));
}

TEST(Image, SaysWhyAFileCannotBeRead) {
  EXPECT_THAT(read_image("/nowhere/image", kMemory, 1).error(), HasSubstr("does not exist"));
  EXPECT_THAT(read_image("/", kMemory, 1).error(), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace candor::vmm
