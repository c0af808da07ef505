/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/trial-cause.h"

/* Of sound as 20 ms levels: a live microphone in a quiet room is above SILENT even where nobody speaks; a voice at the table is above WEAK. */
static const double SILENT_DBOV = -70, WEAK_DBOV = -50, LOUD_DBOV = -2;
static const double LOSS_SHARE = 0.03;
static const int64_t JITTER_US = 60000, ROUND_TRIP_US = 600000;
static const unsigned DEAF_PERMILLE = 900, LOSS_PERMILLE = 30;
static const uint64_t FROZEN_SHARE = 3; /* a third of the time */
enum { DARK_LUMA = 24, PACKETS_MIN = 5, MOVED_MIN = 2, MOVED_SHARE = 30, DECODED_MIN = 10 };

typedef struct Words {
    const char *name, *text[2], *advice[2];
} Words;

/* Vietnamese, then English */
static const Words words[MD_TRIAL_CAUSE_MAX] = {
    [MD_TRIAL_BUSY_ELSEWHERE] = {"busy-elsewhere",
        {"Điểm cầu đang ở trong cuộc họp khác nên không gọi thử.",
         "The site is in another meeting, so it was not called."},
        {"Gọi thử lại sau khi cuộc họp kia kết thúc.",
         "Check it again when that meeting is over."}},
    [MD_TRIAL_NOT_REGISTERED] = {"not-registered",
        {"Thiết bị chưa đăng ký vào hệ thống (chưa bật, mất mạng hoặc sai mật khẩu).",
         "The device is not registered here (switched off, no network or a wrong password)."},
        {"Bật thiết bị, kiểm tra cáp mạng, địa chỉ máy chủ, tài khoản và mật khẩu.",
         "Switch it on; check its network cable, the server's address, its account and password."}},
    [MD_TRIAL_NO_ANSWER] = {"no-answer",
        {"Thiết bị có đăng ký nhưng không ai trả lời cuộc gọi.",
         "The device is registered, but nobody answered the call."},
        {"Đặt chế độ tự động trả lời hoặc cử người trực thiết bị.",
         "Set it to answer by itself, or have somebody sit by it."}},
    [MD_TRIAL_BUSY] = {"busy",
        {"Thiết bị báo bận.",
         "The device says it is busy."},
        {"Kết thúc cuộc gọi đang có trên thiết bị rồi gọi thử lại.",
         "End the call it is in, then check again."}},
    [MD_TRIAL_REFUSED] = {"refused",
        {"Cuộc gọi bị từ chối tại điểm cầu.",
         "The call was refused at the site."},
        {"Tắt chế độ không làm phiền; nhờ người trực nhận cuộc gọi.",
         "Switch off 'do not disturb'; ask whoever is there to take the call."}},
    [MD_TRIAL_MEDIA_REFUSED] = {"media-refused",
        {"Hai bên không thống nhất được mã hóa âm thanh, hình ảnh hoặc mã hóa bảo mật.",
         "The two ends agree on no codec or no encryption."},
        {"Bật Opus, G.722 hoặc G.711 và H.264 trên thiết bị; kiểm tra cài đặt SRTP.",
         "Switch on Opus, G.722 or G.711 and H.264 on the device; check its SRTP settings."}},
    [MD_TRIAL_CALL_FAILED] = {"call-failed",
        {"Không gọi được tới điểm cầu.",
         "The site could not be called."},
        {"Kiểm tra đường mạng và cài đặt SIP của thiết bị.",
         "Check the network and the device's SIP settings."}},
    [MD_TRIAL_DROPPED] = {"dropped",
        {"Cuộc gọi bị ngắt giữa chừng khi đang kiểm tra.",
         "The call was cut off while it was checked."},
        {"Kiểm tra đường mạng; hỏi người trực có gác máy không.",
         "Check the network; ask whoever is there whether they hung up."}},
    [MD_TRIAL_NOT_ENCRYPTED] = {"not-encrypted",
        {"Đường truyền không được mã hóa trong khi cuộc họp yêu cầu mã hóa.",
         "The line is not encrypted, and the meeting demands it."},
        {"Bật SRTP (bắt buộc) và TLS trên thiết bị.",
         "Switch on SRTP (required) and TLS on the device."}},
    [MD_TRIAL_NOTHING_ARRIVES] = {"nothing-arrives",
        {"Kết nối một chiều: không nhận được âm thanh và hình ảnh từ điểm cầu.",
         "One way only: neither sound nor picture comes from the site."},
        {"Kiểm tra tường lửa, NAT tại điểm cầu: mở UDP chiều đi tới máy chủ.",
         "Check the firewall and NAT there: let UDP out to the server."}},
    [MD_TRIAL_NO_SOUND] = {"no-sound",
        {"Không nhận được gói âm thanh nào từ điểm cầu.",
         "No sound packets come from the site."},
        {"Kiểm tra micro có bị tắt trên thiết bị không và cổng UDP âm thanh trên tường lửa.",
         "Is the microphone muted on the device? Check the firewall for its sound's UDP port."}},
    [MD_TRIAL_SILENT_MICROPHONE] = {"silent-microphone",
        {"Micro không có tín hiệu: âm thanh nhận được hoàn toàn im lặng.",
         "The microphone is dead: what comes is complete silence."},
        {"Kiểm tra micro đã bật chưa, dây cắm, pin micro không dây, đúng đầu vào và mức âm lượng.",
         "Is the microphone on, its cable in, a wireless one's battery charged, the right input chosen, the volume up?"}},
    [MD_TRIAL_NO_PICTURE] = {"no-picture",
        {"Không có hình ảnh từ điểm cầu.",
         "No picture comes from the site."},
        {"Kiểm tra camera: nguồn, cáp tín hiệu, đúng đầu vào, nắp che ống kính.",
         "Check the camera: power, signal cable, the right input, the lens cover."}},
    [MD_TRIAL_FROZEN_PICTURE] = {"frozen-picture",
        {"Hình ảnh bị đứng.",
         "The picture stands still for long."},
        {"Khởi động lại camera; nếu mạng yếu thì hạ độ phân giải.",
         "Restart the camera; on a weak line, lower the resolution."}},
    [MD_TRIAL_DOES_NOT_HEAR] = {"does-not-hear",
        {"Điểm cầu không nhận được âm thanh hoặc hình ảnh từ máy chủ (một chiều).",
         "The site receives no sound or no picture from the server (one way)."},
        {"Kiểm tra tường lửa, NAT tại điểm cầu: mở UDP chiều về.",
         "Check the firewall and NAT there: let UDP in from the server."}},
    [MD_TRIAL_WEAK_LINE] = {"weak-line",
        {"Đường truyền yếu: mất gói, trễ hoặc biến động trễ lớn.",
         "A weak line: loss, delay or jitter is high."},
        {"Dùng cáp mạng thay Wi-Fi, tắt bớt ứng dụng dùng mạng, báo nhà mạng.",
         "Use a cable instead of Wi-Fi, close what else uses the network, tell the network's operator."}},
    [MD_TRIAL_WEAK_MICROPHONE] = {"weak-microphone",
        {"Tiếng nhỏ: mức âm thanh thấp hoặc chưa có ai nói thử.",
         "Faint sound: the level is low, or nobody has spoken yet."},
        {"Nhờ người trực nói thử; tăng mức micro, đặt micro gần người nói.",
         "Ask somebody to speak; turn the microphone up, bring it closer."}},
    [MD_TRIAL_LOUD_MICROPHONE] = {"loud-microphone",
        {"Tiếng quá lớn, dễ bị rè.",
         "Too loud: it may sound distorted."},
        {"Giảm mức micro hoặc đầu vào của thiết bị.",
         "Turn down the microphone or the device's input."}},
    [MD_TRIAL_DARK_PICTURE] = {"dark-picture",
        {"Hình ảnh gần như đen.",
         "The picture is almost black."},
        {"Mở nắp ống kính, bật đèn phòng họp.",
         "Open the lens cover, switch on the room's lights."}},
    [MD_TRIAL_STILL_PICTURE] = {"still-picture",
        {"Hình ảnh có về nhưng không thay đổi (hình tĩnh).",
         "A picture comes, but nothing moves in it."},
        {"Kiểm tra camera có đang bị dừng hình hoặc thiết bị đang phát ảnh chờ không.",
         "Is the camera paused, or does the device show a waiting picture?"}},
    [MD_TRIAL_NO_VIDEO] = {"no-video",
        {"Điểm cầu chỉ có âm thanh, không có hình ảnh.",
         "The site has sound only, no picture."},
        {"Nếu cần hình ảnh thì bật video trên thiết bị.",
         "If a picture is wanted, switch on video on the device."}},
    [MD_TRIAL_FINE] = {"fine",
        {"Đường truyền, âm thanh và hình ảnh tốt.",
         "Line, sound and picture are good."},
        {"",
         ""}},
};

const char *md_trial_cause_to_string(MdTrialCause cause)
{
    return (unsigned)cause < MD_TRIAL_CAUSE_MAX ? words[cause].name : NULL;
}

const char *md_trial_cause_text(MdTrialCause cause)
{
    return (unsigned)cause < MD_TRIAL_CAUSE_MAX ? words[cause].text[0] : NULL;
}

const char *md_trial_cause_advice(MdTrialCause cause)
{
    return (unsigned)cause < MD_TRIAL_CAUSE_MAX ? words[cause].advice[0] : NULL;
}

const char *md_trial_cause_text_en(MdTrialCause cause)
{
    return (unsigned)cause < MD_TRIAL_CAUSE_MAX ? words[cause].text[1] : NULL;
}

const char *md_trial_cause_advice_en(MdTrialCause cause)
{
    return (unsigned)cause < MD_TRIAL_CAUSE_MAX ? words[cause].advice[1] : NULL;
}

const char *md_trial_grade_to_string(MdTrialGrade grade)
{
    static const char *const names[] = {"pass", "warn", "fail"};
    return (unsigned)grade < G_N_ELEMENTS(names) ? names[grade] : NULL;
}

static MdTrialCause cause_of_code(int code)
{
    switch (code) {
    case 408:
    case 480:
    case 487:
        return MD_TRIAL_NO_ANSWER;
    case 486:
    case 600:
        return MD_TRIAL_BUSY;
    case 403:
    case 603:
    case 607:
        return MD_TRIAL_REFUSED;
    case 415:
    case 488:
    case 606:
        return MD_TRIAL_MEDIA_REFUSED;
    default:
        return MD_TRIAL_CALL_FAILED;
    }
}

static double share(uint64_t part, uint64_t rest)
{
    return part + rest > 0 ? (double)part / (double)(part + rest) : 0;
}

static bool sound_comes(const MdTrialEvidence *e)
{
    return e->audio_packets >= PACKETS_MIN;
}

static bool picture_comes(const MdTrialEvidence *e)
{
    return e->video_packets >= PACKETS_MIN && e->video_frames > 0;
}

static bool is_weak(const MdTrialEvidence *e)
{
    return share(e->audio_lost + e->audio_late, e->audio_packets) > LOSS_SHARE || share(e->video_lost, e->video_packets) > LOSS_SHARE ||
           e->jitter_us > JITTER_US || e->round_trip_us > ROUND_TRIP_US || (e->reports && e->remote_loss_permille > LOSS_PERMILLE) ||
           (e->reports && e->video_agreed && e->remote_video_loss_permille > LOSS_PERMILLE);
}

static bool is_frozen(const MdTrialEvidence *e)
{
    return e->video_decoded > 0 && (double)e->video_frozen_ms * (double)FROZEN_SHARE > e->seconds * 1000;
}

static bool is_still(const MdTrialEvidence *e)
{
    return e->video_decoded >= DECODED_MIN && (e->video_moved < MOVED_MIN || e->video_moved * MOVED_SHARE < e->video_decoded);
}

static void add(MdTrialVerdict *v, MdTrialCause cause, MdTrialGrade grade)
{
    if (v->n < MD_TRIAL_CAUSES)
        v->causes[v->n++] = cause;
    v->grade = MAX(v->grade, grade);
}

static void judge_sound(const MdTrialEvidence *e, MdTrialVerdict *v)
{
    if (!e->audio_agreed)
        add(v, MD_TRIAL_MEDIA_REFUSED, MD_TRIAL_FAIL);
    else if (!sound_comes(e))
        add(v, MD_TRIAL_NO_SOUND, MD_TRIAL_FAIL);
    else if (e->level_max_dbov < SILENT_DBOV)
        add(v, MD_TRIAL_SILENT_MICROPHONE, MD_TRIAL_FAIL);
}

static void judge_picture(const MdTrialEvidence *e, MdTrialVerdict *v)
{
    if (!e->video_agreed)
        return;
    if (!picture_comes(e))
        add(v, MD_TRIAL_NO_PICTURE, MD_TRIAL_FAIL);
    else if (is_frozen(e))
        add(v, MD_TRIAL_FROZEN_PICTURE, MD_TRIAL_FAIL);
}

static void judge_line(const MdTrialEvidence *e, MdTrialVerdict *v)
{
    bool deaf = e->reports && (e->remote_loss_permille >= DEAF_PERMILLE || (e->video_agreed && e->remote_video_loss_permille >= DEAF_PERMILLE));
    if (deaf)
        add(v, MD_TRIAL_DOES_NOT_HEAR, MD_TRIAL_FAIL);
    else if (is_weak(e))
        add(v, MD_TRIAL_WEAK_LINE, MD_TRIAL_FAIL);
}

/* What does not stand in the way of a meeting, but is better known before. */
static void judge_quality(const MdTrialEvidence *e, MdTrialVerdict *v)
{
    if (sound_comes(e) && e->level_max_dbov >= SILENT_DBOV && e->level_max_dbov < WEAK_DBOV)
        add(v, MD_TRIAL_WEAK_MICROPHONE, MD_TRIAL_WARN);
    if (sound_comes(e) && e->level_max_dbov > LOUD_DBOV)
        add(v, MD_TRIAL_LOUD_MICROPHONE, MD_TRIAL_WARN);
    if (picture_comes(e) && e->video_luma >= 0 && e->video_luma < DARK_LUMA)
        add(v, MD_TRIAL_DARK_PICTURE, MD_TRIAL_WARN);
    else if (picture_comes(e) && !is_frozen(e) && is_still(e))
        add(v, MD_TRIAL_STILL_PICTURE, MD_TRIAL_WARN);
    if (!e->video_agreed)
        add(v, MD_TRIAL_NO_VIDEO, MD_TRIAL_WARN);
}

MdTrialVerdict md_trial_judge(const MdTrialEvidence *e)
{
    MdTrialVerdict v = {.grade = MD_TRIAL_PASS};
    if (e->busy_elsewhere) {
        add(&v, MD_TRIAL_BUSY_ELSEWHERE, MD_TRIAL_WARN);
        return v;
    }
    if (!e->answered) {
        add(&v, !e->registered ? MD_TRIAL_NOT_REGISTERED : cause_of_code(e->code), MD_TRIAL_FAIL);
        return v;
    }
    if (e->dropped)
        add(&v, MD_TRIAL_DROPPED, MD_TRIAL_FAIL);
    if (e->encryption_demanded && !e->encrypted)
        add(&v, MD_TRIAL_NOT_ENCRYPTED, MD_TRIAL_FAIL);
    if (e->audio_agreed && !sound_comes(e) && !picture_comes(e)) {
        add(&v, MD_TRIAL_NOTHING_ARRIVES, MD_TRIAL_FAIL);
    } else {
        judge_sound(e, &v);
        judge_picture(e, &v);
    }
    judge_line(e, &v);
    judge_quality(e, &v);
    if (v.n == 0)
        add(&v, MD_TRIAL_FINE, MD_TRIAL_PASS);
    return v;
}

bool md_trial_undecided(const MdTrialEvidence *e)
{
    return e->level_max_dbov < WEAK_DBOV || !sound_comes(e) || (e->video_agreed && (!picture_comes(e) || is_still(e)));
}
