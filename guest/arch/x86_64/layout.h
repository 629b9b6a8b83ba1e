/* Offsets in the shared area that entry.S needs; cpu.h checks them against the ABI. */
#pragma once
#define VCPU_PENDING 0
#define VCPU_MASKED 64
#define VCPU_GUEST_WORD 80
