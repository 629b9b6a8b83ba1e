// Buckets of the latency histogram (candor_thread_stats). Pure; tested on the host.
#pragma once

#include <bit>
#include <cstdint>

#include "abi/candor.h"

namespace candor::kernel {

/// The bucket that counts a latency of `ns`.
constexpr std::uint32_t latency_bucket(std::uint64_t ns) {
  if (ns < 64) return static_cast<std::uint32_t>(ns);
  const int e = 63 - std::countl_zero(ns);
  const std::uint64_t bucket = 32ull * static_cast<std::uint64_t>(e - 5) + (ns >> (e - 5));
  return bucket < CANDOR_LATENCY_BUCKETS ? static_cast<std::uint32_t>(bucket) : CANDOR_LATENCY_BUCKETS - 1;
}

}  // namespace candor::kernel
