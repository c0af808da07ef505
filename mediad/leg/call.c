/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/call.h"

struct MdCall {
    int refs; /* control thread only */
    const MdCallOps *ops;
    void *impl;
    MdCallInfo info;
    const MdCallHandler *handler;
    void *user;
    bool closed;
};

MdCall *md_call_new(const MdCallOps *ops, void *impl, MdCallInfo *info)
{
    MdCall *call = g_new0(MdCall, 1);
    call->refs = 1;
    call->ops = ops;
    call->impl = impl;
    call->info = *info;
    *info = (MdCallInfo){0};
    return call;
}

MdCall *md_call_ref(MdCall *call)
{
    call->refs++;
    return call;
}

void md_call_unref(MdCall *call)
{
    if (!call || --call->refs > 0)
        return;
    if (call->ops->free_impl)
        call->ops->free_impl(call->impl);
    g_free(call->info.id);
    g_free(call->info.from_uri);
    g_free(call->info.from_display);
    g_free(call->info.account);
    g_free(call->info.to_user);
    g_free(call->info.to_host);
    g_free(call->info.peer_host);
    g_free(call->info.user_agent);
    g_free(call->info.seat);
    g_free(call);
}

/* A handler may drop the last reference or detach itself from inside an event: the call is held meanwhile. */
#define EMIT(call, event, ...)                                                                               \
    do {                                                                                                     \
        if ((call)->handler && (call)->handler->event) {                                                     \
            md_call_ref(call);                                                                               \
            (call)->handler->event((call), ##__VA_ARGS__, (call)->user);                                     \
            md_call_unref(call);                                                                             \
        }                                                                                                    \
    } while (0)

void md_call_emit_sdp(MdCall *call, MdSdpKind kind, const char *sdp)
{
    EMIT(call, on_sdp, kind, sdp);
}

void md_call_emit_ringing(MdCall *call, int code)
{
    EMIT(call, on_ringing, code);
}

void md_call_emit_established(MdCall *call)
{
    EMIT(call, on_established);
}

void md_call_emit_closed(MdCall *call, int code, const char *reason)
{
    if (call->closed)
        return;
    call->closed = true;
    md_call_ref(call);
    const MdCallHandler *handler = call->handler;
    void *user = call->user;
    call->handler = NULL;
    if (handler && handler->on_closed)
        handler->on_closed(call, code, reason ? reason : "", user);
    md_call_unref(call);
}

void md_call_emit_dtmf(MdCall *call, char digit, unsigned duration_ms)
{
    EMIT(call, on_dtmf, digit, duration_ms);
}

void md_call_emit_key_frame_request(MdCall *call)
{
    EMIT(call, on_key_frame_request);
}

void md_call_emit_candidate(MdCall *call, const char *mid, const char *line)
{
    EMIT(call, on_candidate, mid, line);
}

void md_call_emit_away(MdCall *call, bool away)
{
    EMIT(call, on_away, away);
}

void md_call_emit_content_request(MdCall *call, bool wanted)
{
    EMIT(call, on_content_request, wanted);
}

const MdCallInfo *md_call_info(const MdCall *call)
{
    return &call->info;
}

void md_call_set_handler(MdCall *call, const MdCallHandler *handler, void *user)
{
    call->handler = call->closed ? NULL : handler;
    call->user = user;
}

void *md_call_user(const MdCall *call, const MdCallHandler *handler)
{
    return call->handler == handler ? call->user : NULL;
}

bool md_call_is_closed(const MdCall *call)
{
    return call->closed;
}

/* Commands to a call that is over are lost quietly: the user may not have seen the end yet. */
#define COMMAND(call, op, ...)                                                                               \
    do {                                                                                                     \
        if (!(call)->closed && (call)->ops->op)                                                              \
            (call)->ops->op((call)->impl, ##__VA_ARGS__);                                                    \
    } while (0)

void md_call_progress(MdCall *call, int code, const char *reason, const char *sdp)
{
    COMMAND(call, progress, code, reason, sdp);
}

void md_call_send_answer(MdCall *call, const char *sdp)
{
    COMMAND(call, send_answer, sdp);
}

void md_call_reject(MdCall *call, int code, const char *reason)
{
    COMMAND(call, reject, code, reason);
}

void md_call_hangup(MdCall *call, const char *reason)
{
    COMMAND(call, hangup, reason);
}

void md_call_send_offer(MdCall *call, const char *sdp)
{
    COMMAND(call, send_offer, sdp);
}

void md_call_request_key_frame(MdCall *call)
{
    COMMAND(call, request_key_frame);
}

void md_call_send_candidate(MdCall *call, const char *mid, const char *line)
{
    COMMAND(call, send_candidate, mid, line);
}

void md_call_restart_path(MdCall *call)
{
    COMMAND(call, restart_path);
}

void md_call_streams(MdCall *call, const MdCallStreams *streams)
{
    if (!call->closed && call->ops->streams)
        call->ops->streams(call->impl, streams);
}

void md_call_content(MdCall *call, MdCallContent state, const char *reason)
{
    COMMAND(call, content, state, reason);
}

void md_call_open_floor(MdCall *call, const MdCallFloor *floor)
{
    COMMAND(call, open_floor, floor);
}
