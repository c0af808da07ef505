/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/diagnosis.h"
#include <string.h>

enum {
    SILENT_CBOV = 6000,      /* quieter than -60 dBov: no voice */
    FAINT_CBOV = 4500,       /* quieter than -45 dBov all the time: too far from the microphone */
    LOUD_CBOV = 3500,
    LOSS_BROKEN_PERMILLE = 150,
    LOSS_SUSPECT_PERMILLE = 30,
    JITTER_SUSPECT_US = 120000,
    THIN_BPS = 200000,       /* less makes no picture that one likes to look at */
    DARK_LUMA = 20,          /* black is 16 */
    TICK_US = 20000
};

typedef enum Cause {
    FINE, GONE, LOBBY, WAITING, NO_SOUND, NO_PACKETS, REJECTED, LOSSY, LOSS, JITTER, LATE, SILENT, FAINT, OWN_MUTE, CHAIR_MUTE, FLOOR_MUTE,
    ROLE_MUTE, GAIN, NOT_LOUD, NOT_SENT, FAR_LOSSY, FAR_LOSS, FAR_THIN, FAR_DEAF, FAR_LOBBY, FAR_GONE, NO_PICTURE, NO_PICTURE_PACKETS, NO_FRAMES, DAMAGED,
    DARK, HIDDEN, PICTURE_NOT_SENT, FAR_NO_PICTURE, CAUSE_MAX,
} Cause;

/* What people read. */
static const struct {
    const char *code, *cause_vi, *cause_en, *advice_vi, *advice_en;
} texts[CAUSE_MAX] = {
    [FINE] = {"fine", "Không thấy lỗi ở chặng nào.", "No hop shows a fault.", "Nếu vẫn không nghe hoặc không thấy, kiểm tra loa, âm lượng và màn hình tại nơi nhận.",
              "If it is still not heard or seen, check the loudspeaker, its volume and the screen at the receiving end."},
    [GONE] = {"gone", "Điểm cầu không còn trong cuộc họp.", "The site is not in the meeting.", "Gọi lại điểm cầu.", "Call the site again."},
    [LOBBY] = {"in-lobby", "Điểm cầu còn ở phòng chờ.", "The site is still in the lobby.", "Mời điểm cầu vào họp.", "Admit the site."},
    [WAITING] = {"waiting-for-chair", "Cuộc họp đang chờ chủ tọa; chưa ai nghe hoặc thấy ai.", "The meeting waits for its chair; nobody hears or sees anybody yet.",
                 "Chủ tọa vào họp hoặc bấm mã PIN chủ tọa.", "The chair joins, or enters the chair's PIN."},
    [NO_SOUND] = {"no-sound-agreed", "Thiết bị không thỏa thuận được âm thanh.", "The device agreed on no sound.",
                  "Bật âm thanh và codec Opus, G.722 hoặc G.711 trên thiết bị rồi gọi lại.", "Switch sound and Opus, G.722 or G.711 on in the device and call again."},
    [NO_PACKETS] = {"no-packets", "Không có gói âm thanh nào từ điểm cầu tới.", "No sound arrives from the site.",
                    "Kiểm tra tường lửa và NAT (UDP) tại điểm cầu, và chế độ giữ máy (hold) của thiết bị.", "Check the site's firewall and NAT (UDP), and that the device is not on hold."},
    [REJECTED] = {"rejected", "Gói tin của điểm cầu bị từ chối: sai khóa mã hóa (SRTP) hoặc đến từ địa chỉ khác.",
                  "The site's packets are refused: wrong encryption keys (SRTP) or another source address.",
                  "Gọi lại để trao đổi khóa mới; kiểm tra NAT, SBC hoặc thiết bị trung gian đổi địa chỉ.", "Call again for new keys; check NATs or gateways that change addresses."},
    [LOSSY] = {"line-lossy", "Đường truyền từ điểm cầu mất quá nhiều gói.", "The line from the site loses too much.",
               "Dùng cáp thay Wi-Fi, tắt tải khác trên đường truyền, báo nhà mạng.", "Use a cable instead of Wi-Fi, stop other traffic on the line, call the provider."},
    [LOSS] = {"line-loss", "Đường truyền từ điểm cầu có mất gói.", "The line from the site loses some packets.", "Theo dõi; giảm tải trên đường truyền.", "Watch it; relieve the line."},
    [JITTER] = {"line-jitter", "Đường truyền từ điểm cầu chập chờn (jitter lớn).", "Packets from the site come very unevenly (jitter).",
                "Dùng cáp thay Wi-Fi, ưu tiên lưu lượng họp (QoS).", "Use a cable instead of Wi-Fi; give the meeting priority (QoS)."},
    [LATE] = {"too-late", "Âm thanh đến quá muộn, phần lớn phải bù.", "Sound comes too late; most of it has to be made up.",
              "Kiểm tra tải của thiết bị và độ trễ đường truyền.", "Check the device's load and the delay of the line."},
    [SILENT] = {"microphone-silent", "Gói tin tới nhưng micrô không có tiếng.", "Packets arrive, but the microphone is silent.",
                "Đề nghị điểm cầu nói thử; kiểm tra công tắc, dây và nguồn micrô, chọn đúng micrô trong thiết bị.",
                "Have the site speak; check the microphone's switch, cable and power, and that the device uses the right one."},
    [FAINT] = {"microphone-faint", "Micrô quá nhỏ.", "The microphone is very faint.", "Nói gần micrô hơn, tăng mức micrô trên thiết bị.", "Speak closer to it, or turn the microphone up in the device."},
    [OWN_MUTE] = {"muted-itself", "Điểm cầu tự tắt micrô.", "The site has switched its own microphone off.", "Điểm cầu bật lại micrô.", "The site switches it on again."},
    [CHAIR_MUTE] = {"muted-by-chair", "Chủ tọa hoặc người điều hành đã tắt micrô của điểm cầu.", "The chair or an operator has muted the site.",
                    "Bật micrô cho điểm cầu.", "Unmute the site."},
    [FLOOR_MUTE] = {"no-floor", "Điểm cầu khác đang có quyền phát biểu.", "Another site has the floor.", "Giơ tay xin phát biểu, hoặc chủ tọa trao quyền.", "Raise the hand, or the chair gives it the floor."},
    [ROLE_MUTE] = {"role-listens", "Vai trò của điểm cầu chỉ được nghe.", "The site's role may only listen.", "Đổi vai trò của điểm cầu.", "Give the site another role."},
    [GAIN] = {"turned-down", "Âm lượng của điểm cầu trong phòng họp bị vặn quá nhỏ.", "The site is turned far down in the meeting.", "Đưa mức của điểm cầu về 0 dB.", "Set the site's gain back to 0 dB."},
    [NOT_LOUD] = {"not-mixed", "Có tiếng nhưng không được coi là tiếng nói, hoặc nhiều điểm khác to hơn.", "There is sound, but it is not taken for speech, or louder ones are mixed.",
                  "Tắt micrô các điểm không phát biểu.", "Mute the sites that do not speak."},
    [NOT_SENT] = {"not-sent", "Máy chủ không gửi âm thanh tới nơi nhận: thiết bị đó đang giữ máy hoặc chưa sẵn sàng.",
                  "Nothing is sent to the listener: its device is on hold or not ready.", "Bỏ giữ máy, hoặc gọi lại nơi nhận.", "Take it off hold, or call the listener again."},
    [FAR_LOSSY] = {"listener-line-lossy", "Đường truyền tới nơi nhận mất quá nhiều gói.", "The line to the listener loses too much.",
                   "Kiểm tra đường truyền của nơi nhận.", "Check the listener's line."},
    [FAR_LOSS] = {"listener-line-loss", "Đường truyền tới nơi nhận có mất gói.", "The line to the listener loses some packets.", "Theo dõi đường truyền của nơi nhận.", "Watch the listener's line."},
    [FAR_THIN] = {"listener-line-thin", "Đường truyền tới nơi nhận quá hẹp; hình gửi đi đã được thu nhỏ.",
                  "The line to the receiving end is too thin; its picture is made small.",
                  "Tắt tải khác trên đường truyền của nơi nhận, dùng cáp thay Wi-Fi.", "Stop other traffic on the receiver's line; use a cable instead of Wi-Fi."},
    [FAR_DEAF] = {"listener-deaf", "Nơi nhận bị tắt tiếng nghe trong phòng họp.", "The listener is made deaf in the meeting.", "Bật lại tiếng nghe cho nơi nhận.", "Let the listener hear again."},
    [FAR_LOBBY] = {"listener-in-lobby", "Nơi nhận còn ở phòng chờ.", "The listener is still in the lobby.", "Mời nơi nhận vào họp.", "Admit the listener."},
    [FAR_GONE] = {"listener-gone", "Nơi nhận không có trong cuộc họp.", "The listener is not in the meeting.", "Gọi nơi nhận vào họp.", "Call the listener."},
    [NO_PICTURE] = {"no-picture-agreed", "Điểm cầu vào họp chỉ bằng âm thanh.", "The site takes part by sound only.",
                    "Bật camera và codec H.264 hoặc VP8 trên thiết bị rồi gọi lại.", "Switch the camera and H.264 or VP8 on in the device and call again."},
    [NO_PICTURE_PACKETS] = {"no-picture-packets", "Không có gói hình nào từ điểm cầu tới.", "No picture arrives from the site.",
                            "Kiểm tra camera có bị tắt hoặc che, và tường lửa.", "Check that the camera is on and allowed, and the firewall."},
    [NO_FRAMES] = {"no-whole-picture", "Gói hình tới nhưng không ghép được ảnh trọn vẹn.", "Picture packets arrive, but no picture is ever whole.",
                   "Giảm tốc độ hình của thiết bị; kiểm tra mất gói và MTU.", "Lower the device's picture rate; check losses and the MTU."},
    [DAMAGED] = {"pictures-damaged", "Nhiều ảnh bị hỏng do mất gói.", "Many pictures are damaged by losses.", "Giảm tốc độ hình, kiểm tra đường truyền.", "Lower the picture rate; check the line."},
    [DARK] = {"picture-dark", "Hình của điểm cầu đen.", "The site's picture is black.", "Mở nắp che camera, bật đèn, chọn đúng camera trong thiết bị.",
              "Open the camera's cover, put the light on, choose the right camera in the device."},
    [HIDDEN] = {"picture-hidden", "Hình của điểm cầu bị tắt trong phòng họp.", "The site's picture is hidden in the meeting.", "Bật lại hình của điểm cầu.", "Show the site's picture again."},
    [PICTURE_NOT_SENT] = {"picture-not-sent", "Máy chủ không gửi hình tới nơi nhận: thiết bị đó đang giữ máy hoặc chưa sẵn sàng.",
                          "No picture is sent to the listener: its device is on hold or not ready.", "Bỏ giữ máy, hoặc gọi lại nơi nhận.", "Take it off hold, or call the listener again."},
    [FAR_NO_PICTURE] = {"listener-sound-only", "Nơi nhận vào họp chỉ bằng âm thanh.", "The listener takes part by sound only.", "Dùng thiết bị có hình tại nơi nhận.", "Use a device with pictures there."},
};

const char *md_hop_state_to_string(MdHopState state)
{
    static const char *const names[MD_HOP_STATE_MAX] = {"ok", "suspect", "broken", "unknown"};
    return (unsigned)state < MD_HOP_STATE_MAX ? names[state] : NULL;
}

/* --- one hop after the other ------------------------------------------------------------------------------------------- */

typedef struct Walk {
    MdDiagnosis *d;
    Cause causes[MD_HOPS_MAX];
} Walk;

static void hop(Walk *walk, const char *name, MdHopState state, Cause cause)
{
    walk->causes[walk->d->n] = cause;
    walk->d->hops[walk->d->n++] = (MdHop){name, state};
}

/* cause FINE: it is well. */
static void judge(Walk *walk, const char *name, Cause broken, Cause suspect)
{
    hop(walk, name, broken != FINE ? MD_HOP_BROKEN : suspect != FINE ? MD_HOP_SUSPECT : MD_HOP_OK, broken != FINE ? broken : suspect);
}

static void conclude(Walk *walk)
{
    MdDiagnosis *d = walk->d;
    d->first = -1;
    for (MdHopState wanted = MD_HOP_BROKEN; d->first < 0 && wanted >= MD_HOP_SUSPECT; wanted--)
        for (unsigned i = 0; i < d->n && d->first < 0; i++)
            if (d->hops[i].state == wanted)
                d->first = (int)i;
    Cause cause = d->first >= 0 ? walk->causes[d->first] : FINE;
    d->code = texts[cause].code;
    d->cause_vi = texts[cause].cause_vi;
    d->cause_en = texts[cause].cause_en;
    d->advice_vi = texts[cause].advice_vi;
    d->advice_en = texts[cause].advice_en;
}

static uint64_t permille(uint64_t lost, uint64_t received)
{
    return lost + received > 0 ? lost * 1000 / (lost + received) : 0;
}

static Cause entry(const MdPartyEvidence *site)
{
    return !site->here ? GONE : site->in_lobby ? LOBBY : FINE;
}

static Cause security(const MdPartyEvidence *site, uint64_t received)
{
    return site->rejected > 5 && site->rejected * 4 > received ? REJECTED : FINE;
}

static void line(Walk *walk, uint64_t lost, uint64_t received, uint64_t jitter_us)
{
    uint64_t loss = permille(lost, received);
    if (received == 0)
        hop(walk, "line", MD_HOP_UNKNOWN, FINE);
    else
        judge(walk, "line", loss >= LOSS_BROKEN_PERMILLE ? LOSSY : FINE,
              loss >= LOSS_SUSPECT_PERMILLE ? LOSS : jitter_us >= JITTER_SUSPECT_US ? JITTER : FINE);
}

static void far_end(Walk *walk, const MdEvidence *e, uint64_t sent, uint64_t loss_permille, bool thin, Cause not_sent, Cause cannot)
{
    const MdPartyEvidence *far = &e->listener;
    Cause gone = !far->here ? FAR_GONE : far->in_lobby ? FAR_LOBBY : cannot;
    if (!e->has_listener)
        return;
    judge(walk, "listener", gone, FINE);
    if (gone != FINE) {
        hop(walk, "sent", MD_HOP_UNKNOWN, FINE);
        hop(walk, "far-line", MD_HOP_UNKNOWN, FINE);
        return;
    }
    judge(walk, "sent", sent == 0 ? not_sent : FINE, FINE);
    if (sent == 0)
        hop(walk, "far-line", MD_HOP_UNKNOWN, FINE);
    else
        judge(walk, "far-line", loss_permille >= LOSS_BROKEN_PERMILLE ? FAR_LOSSY : FINE,
              loss_permille >= LOSS_SUSPECT_PERMILLE ? FAR_LOSS : thin ? FAR_THIN : FINE);
}

static Cause allowed(const MdEvidence *e)
{
    const MdPartyEvidence *site = &e->site;
    return e->waiting_for_chair                            ? WAITING
           : !md_role_may(site->role, MD_ACTION_BE_HEARD) ? ROLE_MUTE
           : site->floor_muted                             ? FLOOR_MUTE
           : site->muted                                   ? CHAIR_MUTE
           : site->self_muted                              ? OWN_MUTE
                                                           : FINE;
}

void md_diagnose_sound(const MdEvidence *e, MdDiagnosis *ret)
{
    const MdPartyEvidence *site = &e->site;
    bool arrives = site->audio_received > 0;
    Cause in = entry(site), refused = security(site, site->audio_received), shut = allowed(e);
    uint64_t ticks = (uint64_t)(e->window_us / TICK_US);
    *ret = (MdDiagnosis){0};
    Walk walk = {.d = ret};
    judge(&walk, "joined", in, FINE);
    /* Whoever is muted has no reason to speak: a silent microphone proves nothing then. */
    if (!arrives || shut != FINE)
        hop(&walk, "microphone", MD_HOP_UNKNOWN, FINE);
    else
        judge(&walk, "microphone", FINE, site->quiet_cbov >= SILENT_CBOV ? SILENT : site->quiet_cbov >= FAINT_CBOV ? FAINT : FINE);
    judge(&walk, "security", refused, FINE);
    bool excused = site->self_muted || in != FINE; /* some devices send nothing while their microphone is off */
    judge(&walk, "packets", arrives || excused ? FINE : !site->has_sound ? NO_SOUND : refused == FINE ? NO_PACKETS : FINE, FINE);
    line(&walk, site->audio_lost, site->audio_received, site->jitter_us);
    bool late = arrives && ticks > 0 && (site->audio_concealed * 2 > ticks || site->audio_late * 2 > site->audio_received);
    judge(&walk, "decoded", late ? LATE : FINE, FINE);
    judge(&walk, "allowed", in == FINE ? shut : FINE, FINE);
    bool unheard = shut == FINE && arrives && !site->talking && site->quiet_cbov <= LOUD_CBOV;
    judge(&walk, "mixed", FINE, site->gain_db <= -20 ? GAIN : unheard ? NOT_LOUD : FINE);
    far_end(&walk, e, e->listener.audio_sent, e->listener.remote_loss_permille, false, NOT_SENT, e->listener.deaf ? FAR_DEAF : FINE);
    conclude(&walk);
}

void md_diagnose_picture(const MdEvidence *e, MdDiagnosis *ret)
{
    const MdPartyEvidence *site = &e->site;
    bool arrives = site->video_received > 0;
    Cause in = entry(site), refused = security(site, site->video_received);
    *ret = (MdDiagnosis){0};
    Walk walk = {.d = ret};
    judge(&walk, "joined", in, FINE);
    judge(&walk, "camera", in == FINE && !site->has_picture ? NO_PICTURE : FINE, arrives && site->luma >= 0 && site->luma < DARK_LUMA ? DARK : FINE);
    judge(&walk, "security", site->has_picture ? refused : FINE, FINE);
    judge(&walk, "packets", !arrives && site->has_picture && refused == FINE && in == FINE ? NO_PICTURE_PACKETS : FINE, FINE);
    line(&walk, site->video_lost, site->video_received, 0);
    bool broken = arrives && site->video_frames == 0;
    bool thin = e->listener.estimate_bps > 0 && e->listener.video_target_bps < THIN_BPS;
    judge(&walk, "decoded", broken ? NO_FRAMES : FINE, arrives && site->video_damaged * 4 > site->video_frames + site->video_damaged ? DAMAGED : FINE);
    judge(&walk, "shown", in != FINE ? FINE : e->waiting_for_chair ? WAITING : site->video_muted ? HIDDEN : FINE, FINE);
    far_end(&walk, e, e->listener.video_sent, e->listener.remote_video_loss_permille, thin, PICTURE_NOT_SENT, e->listener.has_picture ? FINE : FAR_NO_PICTURE);
    conclude(&walk);
}

/* --- gathering --------------------------------------------------------------------------------------------------------- */

typedef struct Counts {
    uint64_t audio_received, audio_lost, audio_late, audio_concealed, audio_sent, video_received, video_lost, video_frames, video_damaged, video_sent,
        rejected;
} Counts;

struct MdGathering {
    char *site, *listener;
    int64_t begin_us;
    bool looked;
    Counts first[2];
    bool known[2];
    MdEvidence evidence;
};

MdGathering *md_gathering_new(const char *site, const char *listener)
{
    MdGathering *g = g_new0(MdGathering, 1);
    g->site = g_strdup(site);
    g->listener = g_strdup(listener);
    g->evidence.has_listener = listener != NULL;
    g->evidence.site.quiet_cbov = g->evidence.listener.quiet_cbov = 12700;
    g->evidence.site.luma = g->evidence.listener.luma = -1;
    return g;
}

void md_gathering_free(MdGathering *g)
{
    if (!g)
        return;
    g_free(g->site);
    g_free(g->listener);
    g_free(g);
}

static Counts count(const MdMemberInfo *info)
{
    const MdLegStats *s = info->stats;
    Counts c = {0};
    if (s != NULL)
        c = (Counts){md_stat_get(&s->audio_packets_received), md_stat_get(&s->audio_packets_lost),    md_stat_get(&s->audio_packets_late),
                     md_stat_get(&s->audio_concealed_ticks),  md_stat_get(&s->audio_packets_sent),    md_stat_get(&s->video_packets_received),
                     md_stat_get(&s->video_packets_lost),     md_stat_get(&s->video_frames_received), md_stat_get(&s->video_frames_damaged),
                     md_stat_get(&s->video_packets_sent),     md_stat_get(&s->packets_rejected)};
    return c;
}

/* A leg that came anew counts from nought. */
static uint64_t since(uint64_t now, uint64_t then)
{
    return now >= then ? now - then : now;
}

static void note(MdGathering *g, unsigned which, const MdMemberInfo *info, MdPartyEvidence *e)
{
    Counts now = count(info), *first = &g->first[which];
    if (!g->known[which])
        *first = now;
    g->known[which] = true;
    *e = (MdPartyEvidence){
        .here = true, .in_lobby = info->in_lobby, .muted = info->muted && !info->floor_muted, .self_muted = info->self_muted,
        .floor_muted = info->floor_muted, .deaf = info->deaf, .video_muted = info->video_muted || info->self_video_muted, .talking = e->talking || info->talking,
        .has_sound = info->media.audio_codec >= 0, .has_picture = info->media.video_codec >= 0, .role = info->role, .gain_db = info->gain_db,
        .audio_received = since(now.audio_received, first->audio_received), .audio_lost = since(now.audio_lost, first->audio_lost),
        .audio_late = since(now.audio_late, first->audio_late), .audio_concealed = since(now.audio_concealed, first->audio_concealed),
        .audio_sent = since(now.audio_sent, first->audio_sent), .video_received = since(now.video_received, first->video_received),
        .video_lost = since(now.video_lost, first->video_lost), .video_frames = since(now.video_frames, first->video_frames),
        .video_damaged = since(now.video_damaged, first->video_damaged), .video_sent = since(now.video_sent, first->video_sent),
        .rejected = since(now.rejected, first->rejected), .luma = info->video_luma, .quiet_cbov = e->quiet_cbov};
    if (info->stats == NULL)
        return;
    e->jitter_us = md_stat_get(&info->stats->audio_jitter_us);
    e->remote_loss_permille = md_stat_get(&info->stats->remote_loss_permille);
    e->remote_video_loss_permille = md_stat_get(&info->stats->remote_video_loss_permille);
    e->estimate_bps = md_stat_get(&info->stats->send_estimate_bps);
    e->video_target_bps = md_stat_get(&info->stats->video_target_bps);
    if (e->audio_received > 0)
        e->quiet_cbov = MIN(e->quiet_cbov, (unsigned)md_stat_get(&info->stats->audio_level_cbov));
}

bool md_gathering_look(MdGathering *g, MdRoom *room, int64_t now_us)
{
    MdRoomInfo info;
    g_autoptr(GPtrArray) members = md_room_members(room);
    md_room_info(room, &info);
    if (!g->looked)
        g->begin_us = now_us;
    g->looked = true;
    g->evidence.window_us = now_us - g->begin_us;
    g->evidence.waiting_for_chair = info.waiting_for_chair;
    g->evidence.site.here = g->evidence.listener.here = false;
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *member = members->pdata[i];
        if (strcmp(member->id, g->site) == 0)
            note(g, 0, member, &g->evidence.site);
        if (g_strcmp0(member->id, g->listener) == 0)
            note(g, 1, member, &g->evidence.listener);
    }
    return g->evidence.site.here;
}

const MdEvidence *md_gathering_evidence(const MdGathering *g)
{
    return &g->evidence;
}
