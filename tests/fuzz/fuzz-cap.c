/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/cap.h"
#include "broadcast/alert/feed.h"
#include "broadcast/alert/mapping.h"
#include "broadcast/alert/region.h"
#include "broadcast/alert/signature.h"
#include "tests/fuzz/fuzz.h"

/* A message or an index, as anybody's server may send it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"vi", "en", NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_memdup2(data, size + !size);
    bool is_cap = false;
    g_auto(GStrv) links = bc_feed_links(text, size, "https://alerts.example.vn/atom", &is_cap, NULL);
    for (char **link = links; link && *link; link++)
        g_assert_true(g_str_has_prefix(*link, "http"));
    g_autoptr(BcCap) cap = bc_cap_parse(text, size, &error);
    g_assert_true((cap != NULL) == (error == NULL));
    if (!cap)
        return 0;
    g_assert_true(is_cap);
    g_assert_true(cap->identifier && cap->sender && cap->sent_us > 0);
    g_assert_cmpint(bc_signature_check(NULL, text, size, NULL, NULL), !=, BC_SIGNATURE_GOOD);
    const BcCapInfo *info = bc_cap_choose(cap, languages);
    if (!info)
        return 0;
    BcSounding sounding;
    bc_siren_choose(NULL, 0, info, &sounding);
    g_assert_true(sounding.siren < BC_SIREN_MAX && sounding.repeats >= 1);
    g_autofree char *words = bc_alert_words(BC_SAID_DRILL, info->headline, info->description, info->instruction);
    g_assert_true(g_utf8_validate(words, -1, NULL));
    for (unsigned i = 0; i < info->areas->len; i++) {
        const BcCapArea *area = info->areas->pdata[i];
        for (unsigned k = 0; k < area->polygons->len; k++)
            bc_polygon_contains(area->polygons->pdata[k], (BcCapPoint){18.3, 105.9});
    }
    return 0;
}
