/* The well-behaved plugin beside the hostile ones: whatever they do, it answers. */
#include "hostile.h"

static void ping(const char *argument) {
    (void)argument;
    saw_text("neighbour", "here");
}
/* Stays in flight for `argument` milliseconds. */
static void hold(const char *argument) {
    sleep_milliseconds(atol(argument));
    saw_text("neighbour", "still here");
}

ATTACKS({"ping", ping}, {"hold", hold});
