// The TOML library's code, once for all files that read configuration: it takes longer to compile than they
// do.
#define TOML_IMPLEMENTATION
#include "cli/config_reader.h"
