// Where the host enters the guest: at the start of each vCPU, and by upcalls.
// And the switch between stacks.

#include "guest/arch/x86_64/layout.h"

// ------------------------------------------------------------------ the note
// abi/candor.h: candor_image_note

.section .note.candor, "a", @note
.balign 4
  .long 7                 // length of the owner with its zero
  .long 16                // length of the descriptor
  .long 1                 // CANDOR_NOTE_TYPE
  .asciz "Candor"
  .balign 4
  .long 1                 // CANDOR_ABI_VERSION
  .long 0
  .quad candor_entry

// --------------------------------------------------------------------- start
// RDI: the area. RSI: this vCPU's index. RSP: its boot stack. GS base: its page. Upcalls masked.

.section .text.entry, "ax", @progbits
.globl candor_entry
candor_entry:
  mov %rsi, %gs:VCPU_GUEST_WORD   // gs is this vCPU's page of the area, for good
  xor %ebp, %ebp
  call candor_start
  ud2

// ------------------------------------------------------------------- upcalls
// The host has put RFLAGS and RIP below the red zone and set `masked`. We save
// the general registers on top, let the kernel do what is due (it may switch
// stacks, and come back much later, even on another vCPU) and go back without
// a system call.
//
// A new upcall may come between unmasking and the final `ret`. It must not
// nest, or a burst of notifications would overflow the thread's stack. Up to
// the `popfq` the whole frame is intact, and after it too, since it lies within
// the red zone that the host leaves alone. So an upcall that interrupts the way
// out drops its own frame and starts again from the older one.

.text
.globl candor_upcall, candor_way_out, candor_way_out_end
candor_upcall:
  push %rax
  mov 16(%rsp), %rax              // the interrupted RIP
  sub $candor_way_out, %rax
  cmp $(candor_way_out_end - candor_way_out), %rax
  jb interrupted_way_out
  push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp; push %r8
  push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
handle:
  mov %rsp, %rbx
  and $-16, %rsp
  call candor_on_upcall
  mov %rbx, %rsp
candor_way_out:
  xor %eax, %eax
  xchg %eax, %gs:VCPU_MASKED
  cmpl $0, %gs:VCPU_PENDING
  je 1f
  movl $1, %gs:VCPU_MASKED
  jmp handle
1:
  mov (%rsp), %r15
  mov 8(%rsp), %r14
  mov 16(%rsp), %r13
  mov 24(%rsp), %r12
  mov 32(%rsp), %r11
  mov 40(%rsp), %r10
  mov 48(%rsp), %r9
  mov 56(%rsp), %r8
  mov 64(%rsp), %rbp
  mov 72(%rsp), %rdi
  mov 80(%rsp), %rsi
  mov 88(%rsp), %rdx
  mov 96(%rsp), %rcx
  mov 104(%rsp), %rbx
  mov 112(%rsp), %rax
  lea 120(%rsp), %rsp
candor_way_out_flags:
  popfq
  ret $128
candor_way_out_end:

// RAX: how far the way out had come. The host's frame was 144 bytes below RSP
// as it was then, and we have pushed 8.
interrupted_way_out:
  lea 152(%rsp), %rsp
  cmp $(candor_way_out_flags - candor_way_out), %rax
  jb handle
  lea -120(%rsp), %rsp
  je handle
  lea -8(%rsp), %rsp
  jmp handle

// ------------------------------------------------------------------ switches
// void candor_switch(void** save_sp, void* load_sp)
// By the ABI a caller expects no more to survive than these registers and the
// two control words. Who was preempted needs all of the extended state saved;
// the kernel does that around this (vcpu.cc).

.globl candor_switch
candor_switch:
  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
  sub $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  add $8, %rsp
  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
  ret

// A new thread's first switch returns here, with the thread in RBX.
.globl candor_thread_start
candor_thread_start:
  mov %rbx, %rdi
  call candor_thread_main
  ud2
.section .note.GNU-stack, "", @progbits
