// As the guest kernel and the tender see the header: -ffreestanding, no library.
static_assert(__STDC_HOSTED__ == 0);
#include "layout_table.inc"
