// The interrupt descriptors' entries. Each comes on a stack of its own (the interrupt stack table), so that
// the red zone below the interrupted stack pointer stays intact; with interrupts off until it returns.

.text
.macro stub vector
  .balign 16
  .if (\vector == 8) || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30
  nop; nop                // the processor has pushed an error code
  .else
  push $0
  .endif
  push $\vector
  jmp enter
.endm

.balign 16
.globl hardware_stubs
hardware_stubs:
.altmacro
.set v, 0
.rept 64
  stub %v
  .set v, v + 1
.endr
.noaltmacro

enter:
  push %rax; push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp; push %r8
  push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
  cld
  mov %rsp, %rdi
  call hardware_on_interrupt
  pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8
  pop %rbp; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rbx; pop %rax
  add $16, %rsp
  iretq
.section .note.GNU-stack, "", @progbits
