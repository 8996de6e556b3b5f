#include "limen_plugin.h"
LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *host) { (void)host; return 0; }
