/* Prints the table it is linked with, and fails where fields leave a gap: the
 * ABI has no implicit padding, so a gap is padding or a field not listed. */
#include <stdio.h>

#include "layout_table.h"

int main(void) {
  unsigned long long end = 0;
  int gaps = 0;
  for (unsigned i = 0; i < layout_count; ++i) {
    const struct layout_row* row = &layout_rows[i];
    switch (row->kind) {
      case LAYOUT_STRUCT:
        end = 0;
        printf("struct %s: %llu bytes\n", row->name, row->size);
        break;
      case LAYOUT_FIELD:
      case LAYOUT_END: {
        const unsigned long long begin = row->kind == LAYOUT_END ? row->size : row->offset;
        if (begin != end) {
          fprintf(stderr, "gap before %s: %llu to %llu\n", row->name, end, begin);
          ++gaps;
        }
        end = row->offset + row->size;
        if (row->kind == LAYOUT_FIELD) printf("  %5llu +%-4llu %s\n", row->offset, row->size, row->name);
        break;
      }
      case LAYOUT_CONSTANT:
        printf("%s = %#llx\n", row->name, row->offset);
        break;
    }
  }
  return gaps != 0;
}
