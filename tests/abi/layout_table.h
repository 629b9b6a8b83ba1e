/* The layout of abi/candor.h as the compiler of this file sees it. Compiled
 * as C11, as hosted C++20 and as freestanding C++20; nothing may differ. */
#ifndef CANDOR_TESTS_LAYOUT_TABLE_H
#define CANDOR_TESTS_LAYOUT_TABLE_H

#include "abi/candor.h"

enum layout_kind { LAYOUT_STRUCT, LAYOUT_FIELD, LAYOUT_END, LAYOUT_CONSTANT };

struct layout_row {
  enum layout_kind kind;
  const char* name;
  unsigned long long offset; /* of a field; the value of a constant */
  unsigned long long size;
};

#ifdef __cplusplus
extern "C" {
#endif
extern const struct layout_row layout_rows[];
extern const unsigned layout_count;
#ifdef __cplusplus
}
#endif

#endif
