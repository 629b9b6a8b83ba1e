/* Offsets in the shared area that entry.S needs; cpu.h checks them against the ABI. */
#pragma once
#define AREA_VCPUS 28672
#define VCPU_PAGE_SHIFT 12
#define VCPU_PENDING 0
#define VCPU_MASKED 64
