// Functions of stdlib.h that read numbers, sort, and have memory. There is no errno: what is out of range
// gives the nearest limit, and std::from_chars tells it apart.
#include <bit>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "guest/decimal.h"
#include "guest/heap.h"

namespace {

bool space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
int value_of(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'z' ? c - 'a' + 10 : INT_MAX;
}

/// White space and a sign. True if it is a minus.
bool skip_sign(const char*& at) {
  while (space(*at)) at++;
  const bool negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  return negative;
}

struct Whole {
  std::uint64_t size = 0;
  bool negative = false;
  bool too_large = false;
};

Whole read_whole(const char* text, char** end, int base) {
  if (end != nullptr) *end = const_cast<char*>(text);
  const char* at = text;
  Whole whole;
  whole.negative = skip_sign(at);
  if ((base == 0 || base == 16) && at[0] == '0' && lower(at[1]) == 'x' && value_of(at[2]) < 16) {
    at += 2;
    base = 16;
  } else if (base == 0) {
    base = at[0] == '0' ? 8 : 10;
  }
  const char* const begin = at;
  for (; value_of(*at) < base; at++) {
    const auto digit = static_cast<std::uint64_t>(value_of(*at));
    whole.too_large |= whole.size > (UINT64_MAX - digit) / static_cast<std::uint64_t>(base);
    whole.size = whole.size * static_cast<std::uint64_t>(base) + digit;
  }
  if (at != begin && end != nullptr) *end = const_cast<char*>(at);
  return whole;
}

constexpr std::uint64_t kSign = 1ull << 63;

/// Takes `word` from the text, in any letters.
bool take(const char*& at, const char* word) {
  const char* a = at;
  while (*word != '\0' && lower(*a) == *word) {
    a++;
    word++;
  }
  if (*word != '\0') return false;
  at = a;
  return true;
}

/// The bits of the nearest double. Hexadecimal ones are not read.
std::uint64_t read_double(const char* text, char** end) {
  const char* at = text;
  const std::uint64_t sign = skip_sign(at) ? kSign : 0;
  const char* stop = text;
  std::uint64_t bits = 0;
  if (take(at, "inf")) {
    (void)take(at, "inity");
    stop = at;
    bits = candor::decimal::kInfinity;
  } else if (take(at, "nan")) {
    stop = at;
    bits = candor::decimal::kInfinity | 1ull << 51;
  } else {
    // Digits without the point, as many as can decide; what is behind them counts as one that is not zero.
    constexpr std::size_t kMost = 801;
    char digits[kMost];
    std::size_t count = 0, seen = 0;
    std::int64_t exponent = 0;
    bool fraction = false;
    for (;; at++) {
      if (*at == '.' && !fraction) {
        fraction = true;
        continue;
      }
      if (!is_digit(*at)) break;
      seen++;
      stop = at + 1;
      if (count > 0 || *at != '0') {
        if (count < kMost) {
          digits[count++] = *at;
        } else {
          if (*at != '0') digits[kMost - 1] = '1';
          exponent++;
        }
      }
      if (fraction) exponent--;
    }
    if (seen == 0) {
      if (end != nullptr) *end = const_cast<char*>(text);
      return 0;
    }
    if (*stop == '.') stop++;
    const char* e = stop;
    if (lower(*e) == 'e') {
      e++;
      const bool negative = *e == '-';
      if (*e == '-' || *e == '+') e++;
      if (is_digit(*e)) {
        std::int64_t n = 0;
        for (; is_digit(*e); e++)
          if (n < 1'000'000'000) n = n * 10 + (*e - '0');
        exponent += negative ? -n : n;
        stop = e;
      }
    }
    bits = candor::decimal::nearest_double(digits, count, exponent);
  }
  if (end != nullptr) *end = const_cast<char*>(stop);
  return bits | sign;
}

using Compare = int (*)(const void*, const void*);

void swap_bytes(char* a, char* b, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i++) {
    const char c = a[i];
    a[i] = b[i];
    b[i] = c;
  }
}

/// Of a heap of `count`: lets what stands at `i` sink to its place.
void sink(char* base, std::size_t i, std::size_t count, std::size_t bytes, Compare compare) {
  for (std::size_t child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count && compare(base + child * bytes, base + (child + 1) * bytes) < 0) child++;
    if (compare(base + i * bytes, base + child * bytes) >= 0) return;
    swap_bytes(base + i * bytes, base + child * bytes, bytes);
  }
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the names are the C library's.
extern "C" {

long strtol(const char* text, char** end, int base) {
  const Whole w = read_whole(text, end, base);
  if (w.too_large || w.size > std::uint64_t{LONG_MAX} + (w.negative ? 1 : 0))
    return w.negative ? LONG_MIN : LONG_MAX;
  return static_cast<long>(w.negative ? 0 - w.size : w.size);
}
unsigned long strtoul(const char* text, char** end, int base) {
  const Whole w = read_whole(text, end, base);
  if (w.too_large) return ULONG_MAX;
  return w.negative ? 0 - w.size : w.size;
}
long long strtoll(const char* text, char** end, int base) {
  return strtol(text, end, base);
}
unsigned long long strtoull(const char* text, char** end, int base) {
  return strtoul(text, end, base);
}
double strtod(const char* text, char** end) {
  return std::bit_cast<double>(read_double(text, end));
}

/// In place, in O(n log n) whatever the order before; not stable.
void qsort(void* base, std::size_t count, std::size_t bytes, Compare compare) {
  auto* items = static_cast<char*>(base);
  for (std::size_t i = count / 2; i-- > 0;) sink(items, i, count, bytes, compare);
  for (std::size_t last = count; last-- > 1;) {
    swap_bytes(items, items + last * bytes, bytes);
    sink(items, 0, last, bytes, compare);
  }
}

// The heap of operator new, with its checks. Where there is no memory it panics.
void* malloc(std::size_t bytes) {
  return ::operator new(bytes);
}
void free(void* memory) {
  ::operator delete(memory);
}
void* calloc(std::size_t count, std::size_t bytes) {
  std::size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) return nullptr;
  return memset(malloc(all), 0, all);
}
void* realloc(void* memory, std::size_t bytes) {
  void* moved = malloc(bytes);
  if (memory == nullptr) return moved;
  const std::size_t before = candor::kernel::Heap::bytes_of(memory);
  memcpy(moved, memory, before < bytes ? before : bytes);
  free(memory);
  return moved;
}
char* strdup(const char* text) {
  const std::size_t bytes = strlen(text) + 1;
  return static_cast<char*>(memcpy(malloc(bytes), text, bytes));
}
}
// NOLINTEND(readability-identifier-naming)
