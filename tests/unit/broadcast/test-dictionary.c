/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How words are said: whole words, any case, composed or not, the nearest area first. */
#include "tests/unit/broadcast/bulletin-rig.h"

static int put(BulletinRig *rig, const char *area, const char *written, const char *spoken)
{
    Outcome o = {0};
    bc_dictionary_put(rig->dictionary, &(BcWord){area, written, spoken}, on_outcome, &o);
    int code = wait_outcome(&o);
    g_free(o.message);
    return code;
}

static void test_apply(void)
{
    static const struct {
        const char *area, *text, *said;
    } cases[] = {
        {"18100", "UBND xã thông báo", "uỷ ban nhân dân xã thông báo"},
        {"18100", "ubnd, (UBND) Ubnd.", "uỷ ban nhân dân, (uỷ ban nhân dân) uỷ ban nhân dân."},
        {"18100", "UBNDX và XUBND và UBND2", "UBNDX và XUBND và UBND2"},     /* whole words only */
        {"18100", "UBND tỉnh họp", "uỷ ban tỉnh nhà họp"},                    /* the longest first */
        {"18100", "Ngày 23/11/2026 lúc 8h30, 1.500 đồng", "Ngày 23/11/2026 lúc 8h30, 1.500 đồng"},
        {"18100", "TP. Hà Tĩnh", "thành phố Hà Tĩnh"},                        /* ends in no letter */
        {"18100", "TP.HCM", "thành phốHCM"},                                  /* what stands behind a point is not looked at */
        {"18100", "WIFI", "oai phai"},                                        /* the nearer area's word */
        {"18073", "wifi", "uy phi"},
        {"18100.1", "wifi", "oai phai"},
        {"18100", "Đường 8B", "đường tám bê"},
        {"18100", "đƯờNG 8b", "đường tám bê"},
        {"18100", "Cây số A và B", "Cây số B và A"},                          /* a place is said once: not exchanged twice */
        {"18100", "A\xcc\x81 A", "Á B"},                                      /* a letter with a mark of its own is another letter */
        {"18100", "Tho\xcc\xa3" "A", "ThọA"},
    };
    BulletinRig rig;
    rig_init(&rig);
    g_assert_cmpint(put(&rig, "42", "UBND", "uỷ ban nhân dân"), ==, -1);
    g_assert_cmpint(put(&rig, "42", "ubnd tỉnh", "uỷ ban tỉnh nhà"), ==, -1);
    g_assert_cmpint(put(&rig, "42", "TP.", "thành phố"), ==, -1);
    g_assert_cmpint(put(&rig, "42", "wifi", "uy phi"), ==, -1);
    g_assert_cmpint(put(&rig, "18100", "WiFi", "oai phai"), ==, -1);
    g_assert_cmpint(put(&rig, "42", "\xc4\x90\xc6\xb0\xc6\xa1\xcc\x80ng 8B", "đường tám bê"), ==, -1); /* written with a combining grave */
    g_assert_cmpint(put(&rig, "42", "a", "B"), ==, -1);
    g_assert_cmpint(put(&rig, "42", "b", "A"), ==, -1);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *said = bc_dictionary_apply(rig.dictionary, cases[i].area, cases[i].text);
            g_assert_cmpstr(said, ==, cases[i].said);
        }
        rig_close(&rig);
        rig_open(&rig);
    }
    g_assert_cmpint(put(&rig, "99", "x", "y"), ==, BC_ERROR_NOT_FOUND);
    g_assert_cmpint(put(&rig, "42", "", "y"), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put(&rig, "42", " x", "y"), ==, BC_ERROR_INVALID);
    rig_clear(&rig);
}

static int import(BulletinRig *rig, const char *csv, char **ret_message)
{
    Outcome o = {0};
    bc_dictionary_import(rig->dictionary, "18100", csv, strlen(csv), on_outcome, &o);
    int code = wait_outcome(&o);
    if (ret_message)
        *ret_message = o.message;
    else
        g_free(o.message);
    return code;
}

static void test_csv(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_assert_cmpint(import(&rig, "\xef\xbb\xbfwritten,spoken\r\nHTX,hợp tác xã\r\n\r\n\"a,b\",\"nói \"\"a\"\"\"\n", NULL), ==, -1);
    g_autofree char *csv = bc_dictionary_export(rig.dictionary, "18100");
    g_assert_cmpstr(csv, ==, "written,spoken\r\n\"HTX\",\"hợp tác xã\"\r\n\"a,b\",\"nói \"\"a\"\"\"\r\n");
    g_assert_cmpint(import(&rig, csv, NULL), ==, -1);
    g_autofree char *again = bc_dictionary_export(rig.dictionary, "18100");
    g_assert_cmpstr(again, ==, csv);
    static const struct {
        const char *csv, *word;
    } bad[] = {{"a,b\nc\n", "line 2"}, {"a,b\n\n\"c,d\n", "line 3"}, {"a,b,c\n", "line 1"}, {"a,\n", "line 1"}, {"\xff,a\n", "UTF-8"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = NULL;
        g_assert_cmpint(import(&rig, bad[i].csv, &message), ==, BC_ERROR_INVALID);
        g_assert_nonnull(strstr(message, bad[i].word));
    }
    g_autoptr(GPtrArray) kept = bc_dictionary_list(rig.dictionary, NULL);
    g_assert_cmpuint(kept->len, ==, 2); /* a bad table changes nothing */
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dictionary/apply", test_apply);
    g_test_add_func("/dictionary/csv", test_csv);
    return g_test_run();
}
