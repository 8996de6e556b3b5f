/* babble: a model adapter without a model. It says two words, half a second apart, and then does what the model's name says. */
#include "limen_plugin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const limen_host *host;

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

static int asks_for(const limen_request *request, const char *model)
{
    char member[64] = "\"model\":\"";
    strcat(strcat(member, model), "\"");
    return memmem(request->input.data, request->input.length, member, strlen(member)) != NULL;
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    if (asks_for(request, "mute"))
        for (;;)
            sleep(1);
    host->emit(call, LIMEN_EVENT_TOKEN, text("{\"text\":\"one \"}"));
    usleep(500000);
    host->emit(call, LIMEN_EVENT_TOKEN, text("{\"text\":\"two\"}"));
    if (asks_for(request, "crash"))
        abort();
    if (asks_for(request, "sleepy"))
        for (;;)
            sleep(1);
    if (asks_for(request, "rude"))
        host->complete(call, text("{\"content\":\"one two\",\"secrets\":true}"), NULL, 0);
    else
        host->complete(call,
                       text("{\"content\":\"one two\",\"tool_calls\":[],\"finish_reason\":\"stop\",\"model\":\"babble\",\"adapters\":[],"
                            "\"usage\":{\"tokens_in\":null,\"tokens_out\":2}}"),
                       NULL, 0);
}

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host))
        return NULL;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text("{\"name\":\"babble\",\"version\":\"1.0.0\",\"tools\":[],\"adapters\":[{\"type\":\"model.chat\","
                              "\"models\":[\"plain\",\"mute\",\"crash\",\"sleepy\",\"rude\"]}]}");
    plugin.call = call;
    return &plugin;
}
