// Registers full of patterns, and whether they still are.
#include "tests/guests/registers.h"

__asm__(
    ".text\n"
    ".macro each_general action\n"
    "  \\action rax, 0\n \\action rbx, 1\n \\action rcx, 2\n \\action rdx, 3\n"
    "  \\action rbp, 4\n \\action r8, 5\n \\action r9, 6\n \\action r10, 7\n"
    "  \\action r11, 8\n \\action r12, 9\n \\action r13, 10\n \\action r14, 11\n \\action r15, 12\n"
    ".endm\n"
    ".macro load_general reg, n\n  mov 8*\\n(%rdi), %\\reg\n.endm\n"
    ".macro check_general reg, n\n  cmp 8*\\n(%rdi), %\\reg\n  jne 91f\n.endm\n"
    ".macro each_extended action\n"
    "  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n  \\action \\n\n  .endr\n"
    ".endm\n"
    ".macro load_extended n\n  vmovdqu 8*\\n(%rdi), %ymm\\n\n.endm\n"
    // ymm0 to ymm15 one after the other: what is compared is no longer needed.
    ".macro check_extended n\n  vpxor 8*\\n(%rdi), %ymm\\n, %ymm\\n\n  vptest %ymm\\n, %ymm\\n\n  jnz "
    "92f\n.endm\n"
    ".macro set_extended n\n  vpcmpeqd %ymm\\n, %ymm\\n, %ymm\\n\n.endm\n"
    ".globl check_registers\n"
    "check_registers:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  sub $8, %rsp\n"
    "  stmxcsr (%rsp)\n fnstcw 4(%rsp)\n"
    "  sub $8, %rsp\n"
    "  movl $0x3f80, (%rsp)\n ldmxcsr (%rsp)\n"  // rounds down
    "  movw $0x077f, 4(%rsp)\n fldcw 4(%rsp)\n"
    "  .irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
    "  movq $\\at, -\\at(%rsp)\n"
    "  .endr\n"
    "  each_general load_general\n"
    "  each_extended load_extended\n"
    "  .rept 8\n  fld1\n  .endr\n"
    "  stc\n"
    "1: dec %rsi\n"  // leaves the carry alone
    "  jnz 1b\n"
    "  jnc 94f\n"
    "  each_general check_general\n"
    "  each_extended check_extended\n"
    "  .irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
    "  cmpq $\\at, -\\at(%rsp)\n jne 93f\n"
    "  .endr\n"
    "  mov $0x3ff0000000000000, %rax\n"  // 1.0
    "  .rept 8\n  fstpl (%rsp)\n  cmp (%rsp), %rax\n  jne 96f\n  .endr\n"
    "  stmxcsr (%rsp)\n cmpl $0x3f80, (%rsp)\n jne 95f\n"
    "  fnstcw 4(%rsp)\n cmpw $0x077f, 4(%rsp)\n jne 95f\n"
    "  xor %eax, %eax\n jmp 99f\n"
    "91: mov $1, %eax\n jmp 99f\n"
    "92: mov $2, %eax\n jmp 99f\n"
    "93: mov $3, %eax\n jmp 99f\n"
    "94: mov $4, %eax\n jmp 99f\n"
    "95: mov $5, %eax\n jmp 99f\n"
    "96: mov $6, %eax\n"
    "99: vzeroupper\n"
    "  fninit\n"
    "  add $8, %rsp\n"
    "  ldmxcsr (%rsp)\n fldcw 4(%rsp)\n"
    "  add $8, %rsp\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    ".globl clobber_extended\n"
    "clobber_extended:\n"
    "  each_extended set_extended\n"
    "  xor %eax, %eax\n"
    "  sub $32, %rsp\n"
    "  fnstenv (%rsp)\n"
    "  cmpw $0xffff, 8(%rsp)\n"  // the tags: all empty
    "  setne %al\n"
    "  add $32, %rsp\n"
    "  fninit\n fldz\n fstp %st(0)\n"
    "  ret\n");

namespace candor::test {

std::uint32_t lost_registers(std::uint64_t spins) {
  static std::uint64_t patterns[32];
  for (std::uint64_t i = 0; i < 32; i++) patterns[i] = (i + 1) * 0x9e3779b97f4a7c15;
  return check_registers(patterns, spins);
}

}  // namespace candor::test
