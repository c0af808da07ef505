/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/conference-private.h"

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void judge_calls(const SimMeeting *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    unsigned in = 0, hung_up = 0, told = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimCaller *caller = &run->callers[i];
        int state = atomic_load(&caller->state);
        bool was_in = state == CALLER_TALKING || state == CALLER_LEFT;
        in += was_in;
        hung_up += atomic_load(&caller->left) != 0;
        if (!was_in && told++ < 5)
            sim_verdict_fail(v, "site %u (%s) is not in: %d %s", i,
                             g_array_index(o->accounts, SimAccount, i).name, caller->code,
                             state == CALLER_NEW ? "no answer to REGISTER"
                             : caller->reason[0] ? caller->reason
                                                 : "no answer to INVITE");
    }
    sim_verdict_group(v, "calls");
    sim_verdict_int(v, "sites", o->count, "");
    sim_verdict_int(v, "in", in, "");
    sim_verdict_int(v, "hung_up_on", hung_up, "");
    sim_verdict_double(v, "judged_s", (double)run->judged_us / 1e6, "s");
    if (in < o->count)
        sim_verdict_fail(v, "only %u of %u sites came in", in, o->count);
    if (hung_up)
        sim_verdict_fail(v, "%u sites were hung up on", hung_up);
}

static void judge_sound(const SimMeeting *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t expected = 0, heard = 0, own = 0, echoes = 0, strangers = 0, gaps = 0, gap_ticks = 0,
             talk_ticks = 0, delays = 0, turns = 0;
    int64_t sum = 0, most = 0, least = INT64_MAX;
    int64_t last = 0;
    unsigned told = 0, ears = 0, hearing = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimEar *e = run->callers[i].site.ear;
        if (!e || !run->callers[i].site.jitter)
            continue;
        ears++;
        turns += e->turns;
        expected += e->pairs_expected;
        heard += e->pairs_heard;
        own += e->own_turns;
        echoes += e->own_echoes;
        strangers += e->stranger_turns;
        gaps += e->gaps;
        gap_ticks += e->gap_ticks;
        talk_ticks += e->talk_ticks;
        delays += e->delays;
        sum += e->delay_sum_us;
        last += e->delay_last_us;
        hearing += e->delays > 0;
        most = MAX(most, e->delay_max_us);
        least = MIN(least, e->delay_min_us);
        if (e->pairs_heard < e->pairs_expected && told++ < 3) {
            g_autofree char *key = g_strdup_printf("not_heard_%u", told);
            g_autofree char *text = g_strdup_printf("site %u missed site %u in turn %d", i, e->missing_talker,
                                                    (int)e->missing_turn);
            sim_verdict_text(v, key, text);
        }
    }
    double mean = delays ? (double)sum / (double)delays : 0;
    sim_verdict_int(v, "listeners", ears, "");
    sim_verdict_int(v, "turns_heard", (int64_t)turns, "");
    sim_verdict_double(v, "talkers_heard", 100 * share(heard, expected), "%");
    sim_verdict_int(v, "own_echoes", (int64_t)echoes, "");
    sim_verdict_int(v, "wrong_voices", (int64_t)strangers, "");
    sim_verdict_int(v, "gaps", (int64_t)gaps, "");
    sim_verdict_double(v, "gap_time", 100 * share(gap_ticks, talk_ticks), "%");
    sim_verdict_double(v, "mouth_to_ear_mean", mean / 1000, "ms");
    sim_verdict_double(v, "mouth_to_ear_least", delays ? (double)least / 1000 : 0, "ms");
    sim_verdict_double(v, "mouth_to_ear_most", (double)most / 1000, "ms");
    sim_verdict_double(v, "mouth_to_ear_at_end", hearing ? (double)last / hearing / 1000 : 0, "ms");
    if (expected == 0)
        sim_verdict_fail(v, "no turn could be judged");
    if (share(heard, expected) < o->limit_heard)
        sim_verdict_fail(v, "talkers heard: %.2f %%, below %.2f %%", 100 * share(heard, expected),
                         100 * o->limit_heard);
    if (echoes)
        sim_verdict_fail(v, "own voice came back in %d of %d turns", (int)echoes, (int)own);
    if (strangers)
        sim_verdict_fail(v, "voices heard that were silent: %d times", (int)strangers);
    if (share(gap_ticks, talk_ticks) > o->limit_gaps)
        sim_verdict_fail(v, "gaps: %.3f %% of the talking time, above %.3f %%",
                         100 * share(gap_ticks, talk_ticks), 100 * o->limit_gaps);
    if (expected && delays == 0)
        sim_verdict_fail(v, "no onset was heard: no delay could be measured");
    if (mean > (double)(o->limit_delay_us + 2 * o->delay_us + o->jitter_us * 2))
        sim_verdict_fail(v, "mouth to ear: %.0f ms on average, above %.0f ms", mean / 1000,
                         (double)(o->limit_delay_us + 2 * o->delay_us + o->jitter_us * 2) / 1000);
}

static void judge_pictures(const SimMeeting *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t pictures = 0, expected = 0, right = 0, wrong = 0, freezes = 0, delays = 0, decoded = 0,
             received = 0;
    int64_t sum = 0, most = 0;
    unsigned eyes = 0, blind = 0, first = 0;
    const char *layout = NULL;
    for (unsigned i = 0; i < o->count; i++) {
        const SimEye *e = run->callers[i].site.eye;
        if (!e)
            continue;
        eyes++;
        pictures += e->pictures;
        expected += e->tiles_expected;
        right += e->tiles_right;
        wrong += e->doubles + e->moved + e->strangers;
        freezes += e->freezes;
        delays += e->delays;
        sum += e->delay_sum_us;
        most = MAX(most, e->delay_max_us);
        decoded += run->callers[i].site.pictures_decoded;
        received += run->callers[i].site.pictures_received;
        unsigned never = sim_eye_never_seen(e, &first);
        if (never && blind++ < 3)
            sim_verdict_fail(v, "site %u never saw %u of the sites, site %u among them", i, never, first);
        if (e->layout != MD_LAYOUT_KIND_INVALID)
            layout = md_layout_to_string(e->layout);
    }
    double mean = delays ? (double)sum / (double)delays : 0;
    sim_verdict_group(v, "pictures");
    sim_verdict_int(v, "watchers", eyes, "");
    sim_verdict_text(v, "layout", layout ? layout : "none");
    sim_verdict_int(v, "received", (int64_t)received, "");
    sim_verdict_double(v, "rate",
                       eyes && run->judged_us ? (double)decoded / eyes / ((double)run->judged_us / 1e6) : 0,
                       "a second and watcher");
    sim_verdict_int(v, "judged", (int64_t)pictures, "");
    sim_verdict_double(v, "tiles_right", 100 * share(right, expected), "%");
    sim_verdict_int(v, "tiles_wrong", (int64_t)wrong, "");
    sim_verdict_int(v, "freezes", (int64_t)freezes, "");
    sim_verdict_double(v, "camera_to_screen_mean", mean / 1000, "ms");
    sim_verdict_double(v, "camera_to_screen_most", (double)most / 1000, "ms");
    if (eyes && pictures == 0)
        sim_verdict_fail(v, "no picture could be decoded");
    else if (eyes && share(right, expected) < o->limit_tiles)
        sim_verdict_fail(v, "tiles right: %.2f %%, below %.2f %%", 100 * share(right, expected),
                         100 * o->limit_tiles);
    if (wrong)
        sim_verdict_fail(v, "%d tiles showed a wrong site, a site twice, or changed places", (int)wrong);
    if (freezes && o->loss == 0)
        sim_verdict_fail(v, "tiles stood still for more than a second: %d times", (int)freezes);
    if (mean > (double)(o->limit_video_delay_us + 2 * o->delay_us + 2 * o->jitter_us))
        sim_verdict_fail(v, "camera to screen: %.0f ms on average", mean / 1000);
}

static void judge_network(const SimMeeting *run, SimVerdict *v)
{
    const SimOptions *o = run->options;
    uint64_t received[2] = {0}, lost[2] = {0}, sent[2] = {0}, rejected = 0, reported = 0, late = 0, ticks = 0,
             bytes = 0;
    int64_t jitter = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const SimSite *s = &run->callers[i].site;
        const SimLine *lines[2] = {&s->audio, &s->video};
        const SimWay *ways[2] = {&s->audio_way, &s->video_way};
        for (unsigned k = 0; k < 2; k++) {
            received[k] += lines[k]->received;
            sent[k] += lines[k]->sent;
            rejected += lines[k]->rejected;
            lost[k] += md_stream_lost(&ways[k]->stream);
            reported += ways[k]->reported_lost;
        }
        bytes += s->bytes_received;
        jitter = MAX(jitter, md_stream_jitter_us(&s->audio_way.stream));
    }
    for (unsigned i = 0; i < run->n_halls; i++)
        late += run->halls[i].late_ticks, ticks += run->halls[i].ticks;
    double loss = share(lost[0] + lost[1], received[0] + received[1] + lost[0] + lost[1]);
    sim_verdict_group(v, "network");
    sim_verdict_int(v, "audio_sent", (int64_t)sent[0], "packets");
    sim_verdict_int(v, "audio_received", (int64_t)received[0], "packets");
    sim_verdict_int(v, "audio_lost", (int64_t)lost[0], "packets");
    sim_verdict_int(v, "video_sent", (int64_t)sent[1], "packets");
    sim_verdict_int(v, "video_received", (int64_t)received[1], "packets");
    sim_verdict_int(v, "video_lost", (int64_t)lost[1], "packets");
    sim_verdict_int(v, "server_missed", (int64_t)reported, "packets");
    sim_verdict_int(v, "rejected", (int64_t)rejected, "packets");
    sim_verdict_int(v, "payload_received", (int64_t)bytes, "bytes");
    sim_verdict_double(v, "audio_jitter_most", (double)jitter / 1000, "ms");
    sim_verdict_double(v, "own_late_ticks", 100 * share(late, ticks), "%");
    if (received[0] == 0)
        sim_verdict_fail(v, "no sound was received at all");
    if (loss > o->loss + o->limit_loss)
        sim_verdict_fail(v, "packets lost: %.2f %%, above %.2f %%", 100 * loss,
                         100 * (o->loss + o->limit_loss));
    if (rejected)
        sim_verdict_fail(v, "%d packets did not authenticate or came from a stranger", (int)rejected);
}

/* When we ourselves had no CPU, what was measured is not the server's doing alone: say so beside what fell
 * short. */
static void judge_ourselves(const SimMeeting *run, SimVerdict *v)
{
    uint64_t late = 0, ticks = 0;
    for (unsigned i = 0; i < run->n_halls; i++) {
        late += run->halls[i].late_ticks;
        ticks += run->halls[i].ticks;
    }
    if (!sim_verdict_passed(v) && share(late, ticks) > 0.05)
        sim_verdict_fail(v,
                         "mediasim itself was short of CPU: %.0f %% of its own ticks were late; give it "
                         "more, or fewer sites",
                         100 * share(late, ticks));
}

void sim_conference_judge(const SimMeeting *run, SimVerdict *verdict)
{
    judge_calls(run, verdict);
    sim_verdict_group(verdict, "sound");
    judge_sound(run, verdict);
    if (run->options->video)
        judge_pictures(run, verdict);
    judge_network(run, verdict);
    judge_ourselves(run, verdict);
}
