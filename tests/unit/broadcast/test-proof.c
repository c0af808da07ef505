/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One device's reports of one item, in whatever order they come. */
#include "tests/unit/broadcast/reach-rig.h"

/* Every order of the same news, each piece once or twice, comes to the same. */
static void test_any_order(void)
{
    BcReachNews all[] = {rig_news("a", "d", BC_REACH_SENT, 10), rig_news("a", "d", BC_REACH_ACKNOWLEDGED, 20), rig_news("a", "d", BC_REACH_BEGAN, 30),
                         rig_news("a", "d", BC_REACH_ENDED, 90), rig_news("a", "d", BC_REACH_PROVED, 95), rig_news("a", "d", BC_REACH_MISSED, 5)};
    all[2].from_us = 30;
    all[3].from_us = 30, all[3].to_us = 90;
    all[4].from_us = 30, all[4].to_us = 90, all[4].match = 0.9, all[4].level_dbfs = -12.5, all[4].level_source = "loopback";
    all[5].reason = "media not fetched";
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (unsigned round = 0; round < 300; round++) {
        BcProof p;
        const char *reason;
        bc_proof_init(&p, 1);
        unsigned order[12];
        for (unsigned i = 0; i < 12; i++)
            order[i] = i % 6;
        for (unsigned i = 11; i > 0; i--) {
            unsigned j = (unsigned)g_rand_int_range(rand, 0, (gint32)i + 1), was = order[i];
            order[i] = order[j];
            order[j] = was;
        }
        for (unsigned i = 0; i < 12; i++)
            bc_proof_merge(&p, &all[order[i]], 100);
        g_assert_cmpstr(bc_proof_outcome(&p, 1, true, &reason), ==, "played");
        g_assert_cmpint(p.sent_us, ==, 10);
        g_assert_cmpint(p.acked_us, ==, 20);
        g_assert_cmpint(p.from_us, ==, 30);
        g_assert_cmpint(p.to_us, ==, 90);
        g_assert_cmpint(p.proved_us, ==, 95);
        g_assert_cmpint(p.match_permille, ==, 900);
        g_assert_cmpint(p.level_mdb, ==, -12500);
        g_assert_cmpstr(p.level_source, ==, "loopback");
        for (unsigned i = 0; i < 6; i++)
            g_assert_false(bc_proof_merge(&p, &all[i], 200)); /* nothing new in any of it */
    }
}

/* One state is never taken for a later one. */
static void test_states(void)
{
    static const struct {
        BcReachState states[3];
        unsigned n, items;
        bool over;
        const char *outcome, *reason;
    } cases[] = {
        {{0}, 0, 1, false, "waiting", NULL},
        {{0}, 0, 1, true, "missed", "no report"},
        {{BC_REACH_SENT}, 1, 1, false, "waiting", NULL},
        {{BC_REACH_SENT, BC_REACH_ACKNOWLEDGED}, 2, 1, true, "missed", "no report"},
        {{BC_REACH_BEGAN}, 1, 1, false, "playing", NULL},
        {{BC_REACH_BEGAN}, 1, 1, true, "partial", "its end was not reported"},
        {{BC_REACH_BEGAN, BC_REACH_ENDED}, 2, 1, false, "played", NULL},
        {{BC_REACH_ENDED}, 1, 3, false, "playing", NULL}, /* the first item of three */
        {{BC_REACH_ENDED}, 1, 3, true, "partial", "its end was not reported"},
        {{BC_REACH_BEGAN, BC_REACH_CUT}, 2, 1, false, "waiting", NULL}, /* it may go on */
        {{BC_REACH_BEGAN, BC_REACH_CUT}, 2, 1, true, "partial", "why"},
        {{BC_REACH_CUT, BC_REACH_ENDED}, 2, 1, true, "partial", "why"},
        {{BC_REACH_MISSED}, 1, 1, false, "missed", "why"},
        {{BC_REACH_REFUSED}, 1, 1, true, "missed", "why"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        BcProof p;
        const char *reason;
        bc_proof_init(&p, 1);
        for (unsigned k = 0; k < cases[i].n; k++) {
            BcReachNews n = rig_news("a", "d", cases[i].states[k], 10 + k);
            n.reason = cases[i].states[k] >= BC_REACH_CUT ? "why" : NULL;
            n.from_us = cases[i].states[k] == BC_REACH_MISSED || cases[i].states[k] == BC_REACH_REFUSED || cases[i].states[k] < BC_REACH_BEGAN ? 0 : 10;
            bc_proof_merge(&p, &n, 20);
        }
        g_assert_cmpstr(bc_proof_outcome(&p, cases[i].items, cases[i].over, &reason), ==, cases[i].outcome);
        g_assert_cmpstr(reason, ==, cases[i].reason);
        g_assert_cmpint(p.proved_us, ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/reach/any-order", test_any_order);
    g_test_add_func("/broadcast/reach/states", test_states);
    return g_test_run();
}
