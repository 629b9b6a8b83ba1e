// Hostile: fills all of the area that it can write with garbage, on and on.
#include "guest/area.h"
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  constexpr std::uint64_t kBytes = CANDOR_AREA_BYTES - CANDOR_HOST_BYTES;
  auto* area = reinterpret_cast<volatile std::uint64_t*>(CANDOR_AREA_BASE + CANDOR_HOST_BYTES);
  for (std::uint64_t x = 1;;)
    for (std::uint64_t i = 0; i < kBytes / 8; i++) {
      x = x * 6364136223846793005 + 1442695040888963407;
      area[i] = x ^ x >> 29;
    }
}
