// What the test of basic processing computes, in guests and native threads alike.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::bench {

/// A kilobyte of words that are stepped on, each in dependence on the one before; after so many passes from
/// the beginning.
class BasicProcessing {
 public:
  void pass() {
    if (passes_ == kRound) *this = BasicProcessing();
    std::uint32_t carry = passes_++;
    for (std::uint32_t& word : words_) {
      word = (word + carry) * 2654435761u;
      carry = word >> 7;
      __asm__ volatile("" : "+r"(carry));  // word by word, whatever the compiler's flags
    }
  }
  /// As many passes from the beginning give the same.
  [[nodiscard]] bool right() const {
    BasicProcessing again;
    for (std::uint32_t i = 0; i < passes_; i++) again.pass();
    for (std::size_t i = 0; i < kWords; i++)
      if (again.words_[i] != words_[i]) return false;
    return true;
  }

 private:
  static constexpr std::size_t kWords = 256;
  static constexpr std::uint32_t kRound = 1000;
  std::uint32_t passes_ = 0;
  std::uint32_t words_[kWords] = {};
};

}  // namespace candor::bench
