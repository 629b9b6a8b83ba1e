// Where a machine of its own enters the image: by PVH (QEMU -kernel, Xen, Cloud Hypervisor) or by Multiboot2
// (GRUB), both in 32-bit protected mode without paging; further processors by a start-up interrupt, in
// real mode. All of them come out in 64-bit mode with all memory below 4 GiB mapped where it lies.

// x86/HVM direct boot ABI (xen/include/public/arch-x86/hvm/start_info.h): an ELF note, its
// entry as an address of the machine's word.
.section .note.Xen, "a", @note
.balign 4
  .long 4
  .long 8
  .long 18                // XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad hardware_pvh_entry

// Multiboot2 specification 2.0, 3.1: in the first 32 KiB of the file, aligned to 8.
.section .text.entry, "ax", @progbits
.balign 8
multiboot2_header:
  .long 0xe85250d6
  .long 0                 // i386: entered in 32-bit mode
  .long multiboot2_header_end - multiboot2_header
  .long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
  // The entry: that of the ELF header is Candor's.
  .balign 8
  .short 3, 0
  .long 12
  .long hardware_multiboot2_entry
  // Old and new RSDP and the memory map come unasked.
  .balign 8
  .short 0, 0
  .long 8
multiboot2_header_end:

// ---------------------------------------------------------------- 32-bit code
// EBX: what the loader says. EDI from here on: which loader it was.
.code32
.globl hardware_pvh_entry
hardware_pvh_entry:
  xor %eax, %eax
hardware_multiboot2_entry:
  cli
  cld
  mov %eax, %edi
  mov %ebx, %esi
  mov $hardware_early_stack_end, %esp

  // One table of four, each of 512 pages of 2 MiB, present and writable.
  movl $(boot_directories + 0x003), boot_pdpt
  movl $(boot_directories + 0x1003), boot_pdpt + 8
  movl $(boot_directories + 0x2003), boot_pdpt + 16
  movl $(boot_directories + 0x3003), boot_pdpt + 24
  movl $(boot_pdpt + 3), boot_pml4
  mov $0x83, %eax
  xor %ecx, %ecx
1:
  mov %eax, boot_directories(, %ecx, 8)
  add $0x200000, %eax
  inc %ecx
  cmp $2048, %ecx
  jne 1b

  call enter_long_mode
  lgdt boot_gdt_pointer
  ljmp $8, $start64

// Leaves EDI and ESI as they are. What follows is compatibility mode until the far jump.
enter_long_mode:
  mov %cr4, %eax
  or $0x20, %eax          // PAE
  mov %eax, %cr4
  mov $boot_pml4, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx   // EFER: long mode, no-execute
  rdmsr
  or $0x900, %eax
  wrmsr
  mov %cr0, %eax
  and $0x9fffffff, %eax   // caches on
  or $0x80010001, %eax    // paging, write protection, protected mode
  mov %eax, %cr0
  ret

// ---------------------------------------------------------------- 64-bit code
.code64
start64:
  call flat_segments
  mov %edi, %edi
  mov %esi, %esi
  mov $hardware_early_stack_end, %esp
  xor %ebp, %ebp
  call hardware_start
  ud2

flat_segments:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  ret

// A further processor: its number is that which hardware_start_processors() is just starting.
processor_start64:
  mov hardware_starting_stack, %rsp
  call flat_segments
  mov hardware_starting_index, %edi
  xor %ebp, %ebp
  call hardware_start_processor
  ud2

// void hardware_enter_kernel(std::uint64_t area, std::uint64_t index, std::uint64_t stack)
// As the host of docs/abi.md §2 starts a vCPU.
.globl hardware_enter_kernel
hardware_enter_kernel:
  mov %rdx, %rsp
  pushq $0
  sti
  jmp candor_entry

// ---------------------------------------------------------------- real mode
// Copied to a page below 1 MiB, which is its code segment; so its own words are reached by their offsets.
.section .rodata
.globl hardware_trampoline, hardware_trampoline_end
.code16
.balign 16
hardware_trampoline:
  cli
  cld
  mov %cs, %ax
  mov %ax, %ds
  lgdtl trampoline_gdt - hardware_trampoline
  mov %cr4, %eax
  or $0x20, %eax
  mov %eax, %cr4
  mov $boot_pml4, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x900, %eax
  wrmsr
  mov %cr0, %eax
  and $0x9fffffff, %eax
  or $0x80010001, %eax
  mov %eax, %cr0
  ljmpl $8, $processor_start64
.balign 4
trampoline_gdt:
  .short boot_gdt_end - boot_gdt - 1
  .long boot_gdt
hardware_trampoline_end:
.code64

.balign 8
boot_gdt:
  .quad 0
  .quad 0x00af9a000000ffff  // code, 64 bits
  .quad 0x00cf92000000ffff  // data
boot_gdt_end:
boot_gdt_pointer:
  .short boot_gdt_end - boot_gdt - 1
  .long boot_gdt

.bss
.balign 4096
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_directories: .skip 4 * 4096
hardware_early_stack: .skip 16384
.globl hardware_early_stack_end
hardware_early_stack_end:
.section .note.GNU-stack, "", @progbits
