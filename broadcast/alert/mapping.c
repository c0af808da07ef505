/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/mapping.h"

#include <string.h>
#include "broadcast/speech.h"

/* Storms wail, floods alternate, what leaves no time is urgent whatever it is; the rest gets a chime. */
static const BcSirenRule built_in[] = {
    {"*tsunami*", NULL, NULL, NULL, "urgent", 2, "emergency", 5, 60},
    {"*sóng thần*", NULL, NULL, NULL, "urgent", 2, "emergency", 5, 60},
    {NULL, "Extreme", "Immediate", "Observed|Likely", "urgent", 1, "emergency", 5, 60},
    {"*storm*", "Extreme|Severe", NULL, NULL, "storm", 1, "emergency", 3, 120},
    {"*typhoon*", "Extreme|Severe", NULL, NULL, "storm", 1, "emergency", 3, 120},
    {"*bão*", "Extreme|Severe", NULL, NULL, "storm", 1, "emergency", 3, 120},
    {"*dông*", "Extreme|Severe", NULL, NULL, "storm", 1, "emergency", 3, 120},
    {"*flood*", "Extreme|Severe", NULL, NULL, "flood", 2, "emergency", 3, 120},
    {"*lũ*", "Extreme|Severe", NULL, NULL, "flood", 2, "emergency", 3, 120},
    {"*ngập*", "Extreme|Severe", NULL, NULL, "flood", 2, "emergency", 3, 120},
    {"*dam*", "Extreme|Severe", NULL, NULL, "flood", 2, "emergency", 3, 120},
    {"*xả lũ*", NULL, NULL, NULL, "flood", 1, "emergency", 3, 120},
    {NULL, "Extreme", NULL, NULL, "urgent", 1, "emergency", 3, 120},
    {NULL, "Severe", "Immediate", NULL, "urgent", 1, "emergency", 3, 120},
    {NULL, "Severe", NULL, NULL, "chime", 1, "emergency", 2, 300},
    {NULL, "Moderate", NULL, NULL, "chime", 1, "priority", 2, 300},
    {NULL, NULL, NULL, NULL, "chime", 1, "normal", 1, 0},
};

static const char *const siren_names[BC_SIREN_MAX] = {"none", "chime", "storm", "flood", "urgent", "drill", "all-clear"};

int bc_alert_siren_from_string(const char *name)
{
    for (int p = 0; name && p < BC_SIREN_MAX; p++)
        if (g_str_equal(siren_names[p], name))
            return p;
    return -1;
}

const char *bc_alert_siren_to_string(int siren)
{
    return siren >= 0 && siren < BC_SIREN_MAX ? siren_names[siren] : "none";
}

static bool has_word(const char *list, const char *word)
{
    if (!list || !*list)
        return true;
    g_auto(GStrv) words = g_strsplit(list, "|", -1);
    return g_strv_contains((const char *const *)words, word);
}

static bool matches(const char *glob_folded, const char *text)
{
    g_autofree char *folded = g_utf8_casefold(text, -1);
    g_autofree char *composed = g_utf8_normalize(folded, -1, G_NORMALIZE_ALL_COMPOSE);
    return composed && g_pattern_match_simple(glob_folded, composed);
}

static bool event_fits(const char *glob, const BcCapInfo *info)
{
    if (!glob || !*glob)
        return true;
    g_autofree char *folded = g_utf8_casefold(glob, -1);
    g_autofree char *composed = g_utf8_normalize(folded, -1, G_NORMALIZE_ALL_COMPOSE);
    if (!composed)
        return false;
    if (matches(composed, info->event))
        return true;
    for (unsigned i = 0; i < info->event_codes->len; i++)
        if (matches(composed, g_array_index(info->event_codes, BcCapPair, i).value))
            return true;
    return false;
}

void bc_siren_choose(const BcSirenRule *rules, unsigned n, const BcCapInfo *info, BcSounding *ret)
{
    if (!n) {
        rules = built_in;
        n = G_N_ELEMENTS(built_in);
    }
    *ret = (BcSounding){BC_SIREN_CHIME, 1, BC_PRIORITY, 1, 0};
    for (unsigned i = 0; i < n; i++) {
        const BcSirenRule *r = &rules[i];
        if (!has_word(r->severity, bc_cap_severity_to_string(info->severity)) || !has_word(r->urgency, bc_cap_urgency_to_string(info->urgency)) ||
            !has_word(r->certainty, bc_cap_certainty_to_string(info->certainty)) || !event_fits(r->event, info))
            continue;
        int siren = bc_alert_siren_from_string(r->siren);
        BcPriority priority = bc_priority_from_string(r->priority);
        ret->siren = siren >= 0 ? (BcSirenPattern)siren : BC_SIREN_CHIME;
        ret->rounds = CLAMP(r->rounds, 1, 3);
        ret->priority = priority == BC_PRIORITY_INVALID ? BC_PRIORITY : priority;
        ret->repeats = CLAMP(r->repeats, 1, BC_ALERT_REPEATS_MAX);
        ret->interval_s = r->interval_s;
        return;
    }
}

/* --- words --- */

static void say(GString *out, const char *text)
{
    g_autofree char *clean = text ? g_strstrip(g_strdup(text)) : NULL;
    if (!clean || !*clean)
        return;
    for (char *p = clean; *p; p++) /* line feeds and tabs are pauses; other control characters are nothing */
        if ((unsigned char)*p < ' ')
            *p = ' ';
    g_autofree char *folded = g_strdup(out->str);
    if (out->len && strstr(folded, clean))
        return; /* a description that says the headline again */
    if (out->len)
        g_string_append_c(out, ' ');
    g_string_append(out, clean);
    char last = clean[strlen(clean) - 1];
    if (!strchr(".!?:;", last))
        g_string_append_c(out, '.');
}

static void cut(GString *text, gsize max)
{
    if (text->len <= max)
        return;
    const char *end = g_utf8_find_prev_char(text->str, text->str + max + 1);
    g_string_truncate(text, end ? (gsize)(end - text->str) : 0);
}

char *bc_alert_words(BcSaid said, const char *headline, const char *description, const char *instruction)
{
    static const char *const before[] = {"", "Diễn tập. Diễn tập.", "Đây là diễn tập. Đây là diễn tập.", "Đây là tin thử hệ thống."};
    static const char *const after[] = {"", "Đây là diễn tập.", "Đây là diễn tập. Bà con không phải làm gì.", "Tin thử hệ thống kết thúc."};
    g_autoptr(GString) body = g_string_new(NULL);
    say(body, headline);
    say(body, description);
    say(body, instruction);
    cut(body, BC_SPEECH_TEXT_MAX - 200);
    return g_strstrip(g_strdup_printf("%s %s %s", before[said], body->str, after[said]));
}

char *bc_alert_title(BcSaid said, const char *headline, const char *event)
{
    static const char *const before[] = {"", "Diễn tập: ", "Diễn tập: ", "Thử: "};
    g_autoptr(GString) title = g_string_new(before[said]);
    const char *what = headline && *headline ? headline : event && *event ? event : "Cảnh báo";
    g_string_append(title, what);
    for (char *p = title->str; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    cut(title, 200);
    return g_string_free(g_steal_pointer(&title), FALSE);
}
