#include "guest/detect/timing.h"

namespace candor::detect {

const char* const kProbeNames[kProbes] = {"cpuid", "string", "xsetbv", "msr", "wake"};

namespace {

#include "guest/detect/recorded.inc"

constexpr std::uint32_t kOctave = 64;
// Of distances: what is near, how much further another kind must be, and what is like nothing recorded.
constexpr std::uint32_t kNear = kOctave, kMargin = kOctave * 3 / 4, kFar = 2 * kOctave;

/// The binary logarithm, by lines between the powers of two: at most 0.09 wrong.
std::uint32_t octaves(std::uint32_t x) {
  if (x == 0) return 0;
  const auto exponent = static_cast<std::uint32_t>(31 - __builtin_clz(x));
  const std::uint64_t rest = x - (std::uint32_t{1} << exponent);
  return exponent * kOctave + static_cast<std::uint32_t>(rest * kOctave >> exponent);
}

std::uint32_t square_root(std::uint64_t x) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1)
    if ((root | bit) * (root | bit) <= x) root |= bit;
  return static_cast<std::uint32_t>(root);
}

std::uint64_t outside(std::uint32_t x, const Spread& of) {
  const std::uint32_t at = octaves(x), low = octaves(of.low), high = octaves(of.high);
  return at < low ? low - at : at > high ? at - high : 0;
}

}  // namespace

std::span<const Reference> recorded() {
  return kRecorded;
}

Spread spread_of(std::span<std::uint32_t> samples) {
  for (std::size_t i = 1; i < samples.size(); i++)
    for (std::size_t j = i; j > 0 && samples[j] < samples[j - 1]; j--) {
      const std::uint32_t smaller = samples[j];
      samples[j] = samples[j - 1];
      samples[j - 1] = smaller;
    }
  if (samples.empty()) return {};
  const auto at = [&](std::size_t percent) {
    const std::uint32_t value = samples[(samples.size() - 1) * percent / 100];
    return value > 0 ? value : 1;
  };
  return {at(10), at(50), at(90)};
}

std::optional<std::uint32_t> distance(const TimingObservation& seen, const Reference& reference) {
  if (reference.privilege != Privilege::kAny && reference.privilege != seen.privilege) return std::nullopt;
  std::uint64_t sum = 0, common = 0;
  for (std::size_t i = 0; i < kProbes; i++) {
    if (!seen.spreads[i].measured() || !reference.spreads[i].measured()) continue;
    const std::uint64_t octaves_off = outside(seen.spreads[i].low, reference.spreads[i]);
    sum += octaves_off * octaves_off;
    common++;
  }
  // By one alone hardware, a hypervisor and an emulator cannot be told apart.
  if (common < 2) return std::nullopt;
  return square_root(sum / common);
}

Finding by_timing(const TimingObservation& seen, std::span<const Reference> references) {
  Finding finding;
  const Reference* nearest = nullptr;
  std::uint32_t nearest_at = 0;
  for (const Reference& r : references) {
    const auto d = distance(seen, r);
    if (!d || (nearest != nullptr && *d > nearest_at))
      continue;  // of equals the last: recorded, not published
    nearest = &r;
    nearest_at = *d;
  }
  if (nearest == nullptr) {
    finding.evidence.set("nothing recorded to compare with");
    return finding;
  }
  const Reference* other = nullptr;
  std::uint32_t other_at = 0;
  for (const Reference& r : references) {
    const auto d = distance(seen, r);
    if (!d || r.kind == nearest->kind || (other != nullptr && *d >= other_at)) continue;
    other = &r;
    other_at = *d;
  }
  const auto tenths = [](std::uint32_t d) { return d * 10 / kOctave; };
  const std::uint32_t cpuid = seen.spreads[kProbeCpuid].low;
  finding.evidence.set("cpuid {}.{} chains; {}.{} octaves from \"{}\"", cpuid / 1000, cpuid % 1000 / 100,
                       tenths(nearest_at) / 10, tenths(nearest_at) % 10, nearest->name);
  if (other != nullptr)
    finding.evidence.add(", {}.{} from \"{}\"", tenths(other_at) / 10, tenths(other_at) % 10, other->name);
  if (nearest_at > kFar || (other != nullptr && other_at == nearest_at))
    return finding;  // it could be anything
  finding.kind = nearest->kind;
  const bool clear = other != nullptr && other_at >= nearest_at + kMargin;
  finding.sure = nearest_at <= kNear && clear ? Sure::kLikely : Sure::kPerhaps;
  return finding;
}

}  // namespace candor::detect
