/* Prints where every member of ABI 1 lies; compiled against the first header and against today's. */
#include "limen_plugin.h"

#include <stdio.h>

#define MEMBER(type, member) printf(#type "." #member " %zu %zu\n", offsetof(type, member), sizeof(((type *)0)->member))
#define VALUE(name) printf(#name " %d\n", (int)name)

int main(void) {
    MEMBER(limen_bytes, data); MEMBER(limen_bytes, length);
    MEMBER(limen_attachment, name); MEMBER(limen_attachment, content_type); MEMBER(limen_attachment, data);
    MEMBER(limen_request, size); MEMBER(limen_request, attachment_count); MEMBER(limen_request, tool); MEMBER(limen_request, input);
    MEMBER(limen_request, request_id); MEMBER(limen_request, attachments);
    MEMBER(limen_response, size); MEMBER(limen_response, status); MEMBER(limen_response, headers); MEMBER(limen_response, body);
    MEMBER(limen_response, error_code); MEMBER(limen_response, error_message);
    MEMBER(limen_kv_result, size); MEMBER(limen_kv_result, found); MEMBER(limen_kv_result, value); MEMBER(limen_kv_result, error_code);
    MEMBER(limen_kv_result, error_message);
    MEMBER(limen_host, size); MEMBER(limen_host, abi); MEMBER(limen_host, complete); MEMBER(limen_host, fail); MEMBER(limen_host, emit);
    MEMBER(limen_host, log); MEMBER(limen_host, cancelled); MEMBER(limen_host, deadline); MEMBER(limen_host, fetch); MEMBER(limen_host, kv);
    MEMBER(limen_host, schedule); MEMBER(limen_host, pump); MEMBER(limen_host, scratch_path); MEMBER(limen_host, config);
    MEMBER(limen_plugin, size); MEMBER(limen_plugin, abi); MEMBER(limen_plugin, description); MEMBER(limen_plugin, state);
    MEMBER(limen_plugin, call); MEMBER(limen_plugin, cancel); MEMBER(limen_plugin, stop);
    VALUE(LIMEN_EVENT_PROGRESS); VALUE(LIMEN_EVENT_TOKEN); VALUE(LIMEN_EVENT_PARTIAL); VALUE(LIMEN_LOG_DEBUG); VALUE(LIMEN_LOG_INFO);
    VALUE(LIMEN_LOG_WARNING); VALUE(LIMEN_LOG_ERROR); VALUE(LIMEN_KV_GET); VALUE(LIMEN_KV_SET); VALUE(LIMEN_KV_DELETE); VALUE(LIMEN_KV_LIST);
    VALUE(LIMEN_ABI_VERSION);
    printf("entry " LIMEN_ENTRY_SYMBOL "\n");
    return 0;
}
