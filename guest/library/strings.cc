// Functions of string.h that musl's archive has only with a stack protector, which reads a thread's own
// memory by %fs. The host's <cstring> declares some of them twice, by C++'s rules, so it is not included.
#include <cstddef>

// NOLINTBEGIN(readability-identifier-naming): the names are the C library's.
extern "C" {
int memcmp(const void* a, const void* b, std::size_t bytes);
char* strchr(const char* text, int wanted);
std::size_t strlen(const char* text);

std::size_t strspn(const char* text, const char* accepted) {
  std::size_t n = 0;
  while (text[n] != '\0' && strchr(accepted, text[n]) != nullptr) n++;
  return n;
}
std::size_t strcspn(const char* text, const char* rejected) {
  std::size_t n = 0;
  while (text[n] != '\0' && strchr(rejected, text[n]) == nullptr) n++;
  return n;
}
char* strpbrk(const char* text, const char* wanted) {
  text += strcspn(text, wanted);
  return *text != '\0' ? const_cast<char*>(text) : nullptr;
}

void* memmem(const void* in, std::size_t bytes, const void* wanted, std::size_t wanted_bytes) {
  const auto* at = static_cast<const char*>(in);
  for (; bytes >= wanted_bytes; at++, bytes--)
    if (memcmp(at, wanted, wanted_bytes) == 0) return const_cast<char*>(at);
  return nullptr;
}
char* strstr(const char* text, const char* wanted) {
  return static_cast<char*>(memmem(text, strlen(text), wanted, strlen(wanted)));
}

char* strtok_r(char* text, const char* separators, char** rest) {
  if (text == nullptr) text = *rest;
  text += strspn(text, separators);
  char* const end = text + strcspn(text, separators);
  *rest = end;
  if (end == text) return nullptr;
  if (*end != '\0') *(*rest)++ = '\0';
  return text;
}
}
// NOLINTEND(readability-identifier-naming)
