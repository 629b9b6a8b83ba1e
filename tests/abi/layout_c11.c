#include "layout_table.inc"
