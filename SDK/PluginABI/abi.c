#include "limen_plugin.h"

/* The header is the target; this file proves that it compiles alone and that its layout is what ABI 1 promised. */
_Static_assert(sizeof(limen_bytes) == 16, "limen_bytes is part of ABI 1");
_Static_assert(offsetof(limen_host, complete) == 8, "limen_host is part of ABI 1");
_Static_assert(offsetof(limen_plugin, description) == 8, "limen_plugin is part of ABI 1");
_Static_assert(offsetof(limen_request, tool) == 8, "limen_request is part of ABI 1");
