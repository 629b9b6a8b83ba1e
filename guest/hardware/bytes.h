// Words of tables that are aligned to nothing.
#pragma once

#include <cstdint>

namespace candor::hardware {

template <typename T>
T read_bytes(const char* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace candor::hardware
