/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "mediad/leg/call.h"

static GString *heard, *commanded;
static bool impl_freed;

static void op_answer(void *impl, const char *sdp) { g_string_append_printf(commanded, "answer(%s) ", sdp); }
static void op_reject(void *impl, int code, const char *reason) { g_string_append_printf(commanded, "reject(%d) ", code); }
static void op_hangup(void *impl, const char *reason) { g_string_append(commanded, "hangup "); }
static void op_candidate(void *impl, const char *mid, const char *line) { g_string_append_printf(commanded, "candidate(%s,%s) ", mid, line); }
static void op_free(void *impl) { impl_freed = true; }
static const MdCallOps ops = {.send_answer = op_answer, .reject = op_reject, .hangup = op_hangup, .free_impl = op_free, .send_candidate = op_candidate};

static void on_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user) { g_string_append_printf(heard, "%s(%s) ", kind == MD_SDP_OFFER ? "offer" : "answer", sdp ? sdp : "late"); }
static void on_closed(MdCall *call, int code, const char *reason, void *user)
{
    g_string_append_printf(heard, "closed(%d,%s) ", code, reason);
    md_call_unref(call); /* the user's own reference, dropped from inside */
}
static void on_dtmf(MdCall *call, char digit, unsigned duration_ms, void *user) { g_string_append_printf(heard, "dtmf(%c) ", digit); }
static void on_candidate(MdCall *call, const char *mid, const char *line, void *user) { g_string_append_printf(heard, "candidate(%s,%s) ", mid, line); }
static const MdCallHandler handler = {.on_sdp = on_sdp, .on_closed = on_closed, .on_dtmf = on_dtmf, .on_candidate = on_candidate};

static void test_life(void)
{
    heard = g_string_new(NULL);
    commanded = g_string_new(NULL);
    MdCallInfo info = {.id = g_strdup("c1"), .to_user = g_strdup("giao-ban"), .authenticated = true};
    MdCall *call = md_call_new(&ops, NULL, &info);
    g_assert_null(info.id); /* taken */
    g_assert_cmpstr(md_call_info(call)->to_user, ==, "giao-ban");
    md_call_emit_sdp(call, MD_SDP_OFFER, "lost"); /* nobody listens yet */
    md_call_set_handler(call, &handler, NULL);
    md_call_ref(call);
    md_call_emit_sdp(call, MD_SDP_OFFER, NULL);
    md_call_emit_dtmf(call, '5', 100);
    md_call_emit_candidate(call, "0", "candidate:1");
    md_call_emit_established(call); /* not listened to */
    md_call_send_answer(call, "x");
    md_call_send_candidate(call, "0", "");
    md_call_progress(call, 180, "Ringing", NULL); /* the protocol has no such thing */
    md_call_emit_closed(call, 200, "bye");
    md_call_emit_closed(call, 500, "twice");
    g_assert_true(md_call_is_closed(call));
    md_call_hangup(call, "late");
    md_call_set_handler(call, &handler, NULL);
    md_call_emit_dtmf(call, '6', 100);
    g_assert_false(impl_freed);
    md_call_unref(call);
    g_assert_true(impl_freed);
    g_assert_cmpstr(heard->str, ==, "offer(late) dtmf(5) candidate(0,candidate:1) closed(200,bye) ");
    g_assert_cmpstr(commanded->str, ==, "answer(x) candidate(0,) ");
    g_string_free(heard, TRUE);
    g_string_free(commanded, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/call/life", test_life);
    return g_test_run();
}
