/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fixtures/sip-desk.h"

#define S ((int64_t)G_USEC_PER_SEC)
#define CONTACT "Contact: <sip:thon1@192.0.2.7:5060>\r\n"

static const SgBinding *binding(SipDesk *desk, const char *account, unsigned i)
{
    const GPtrArray *list = sg_location_find(desk->location, account);

    return list && i < list->len ? list->pdata[i] : NULL;
}

static unsigned bindings(SipDesk *desk, const char *account)
{
    const GPtrArray *list = sg_location_find(desk->location, account);

    return list ? list->len : 0;
}

static void test_register(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});

    g_assert_cmpint(sip_desk_register(desk, "thon1", NULL, 1, CONTACT), ==, 401);
    g_assert_nonnull(strstr(desk->extra, "algorithm=MD5, qop=\"auth\""));
    g_assert_null(strstr(desk->extra, "SHA-256"));
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 2, CONTACT "Expires: 600\r\nUser-Agent: Loa\r\n"), ==, 200);
    g_assert_nonnull(strstr(desk->extra, "Contact: <sip:thon1@192.0.2.7:5060>;expires=600\r\n"));
    g_assert_cmpstr(binding(desk, "thon1", 0)->user_agent, ==, "Loa");
    g_assert_cmpint(binding(desk, "thon1", 0)->expires_us, ==, desk->now_us + 600 * S);
    /* fetch only: nothing changes */
    desk->now_us += 10 * S;
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 3, ""), ==, 200);
    g_assert_nonnull(strstr(desk->extra, "expires=590"));
    sg_location_sweep(desk->location, desk->now_us + 589 * S, INT64_MAX, 0, NULL, NULL);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 1);
    sg_location_sweep(desk->location, desk->now_us + 590 * S, INT64_MAX, 0, NULL, NULL);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 0);
    sip_desk_free(desk);
}

static void test_alike(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    char *known;

    g_assert_cmpint(sip_desk_register(desk, "thon1", "wrong", 1, CONTACT), ==, 401);
    known = g_strdup(desk->extra);
    g_assert_cmpstr(desk->last_event, ==, "registration.failed thon1");
    g_assert_cmpint(sip_desk_register(desk, "nobody", "wrong", 1, CONTACT), ==, 401);
    /* the same but for the nonce */
    g_assert_cmpuint(strlen(known), ==, strlen(desk->extra));
    g_assert_null(strstr(desk->extra, "stale"));
    g_assert_cmpuint(md_stat_get(&desk->stats.auth_failures), ==, 2);
    g_free(known);
    /* from a place where one of ours is at home it is a fault to be mended, not an attack */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 2, CONTACT), ==, 200);
    desk->now_us += 20 * S;
    g_assert_cmpint(sip_desk_register(desk, "thon1", "wrong", 3, CONTACT), ==, 401);
    g_assert_cmpstr(desk->last_event, ==, "registration.fault thon1");
    sip_desk_free(desk);
}

static void test_stale_and_replay(void)
{
    static const char format[] = "REGISTER sip:hatinh.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:thon1@hatinh.test>;tag=1\r\n"
                                 "To: <sip:thon1@hatinh.test>\r\nCall-ID: c\r\nCSeq: %u REGISTER\r\n%s%sContent-Length: 0\r\n\r\n";
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    char *line, *message, *other;

    sip_desk_register(desk, "thon1", NULL, 1, CONTACT);
    line = sip_desk_authorization(desk, "thon1", "mat khau 1", 1);
    message = g_strdup_printf(format, 5, line, CONTACT);
    g_assert_true(sip_desk_give(desk, message, strlen(message)));
    g_assert_cmpint(desk->code, ==, 200);
    /* our 200 was lost: the very same message again is answered the same */
    g_assert_true(sip_desk_give(desk, message, strlen(message)));
    g_assert_cmpint(desk->code, ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 1);
    /* its credentials copied into a message of somebody else's making: no retransmission, and nothing changes */
    other = g_strdup_printf(format, 6, line, "Contact: <sip:thief@203.0.113.9>\r\n");
    g_assert_true(sip_desk_give(desk, other, strlen(other)));
    g_assert_cmpint(desk->code, ==, 401);
    g_assert_cmpuint(md_stat_get(&desk->stats.auth_replays), ==, 1);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 1);
    g_assert_cmpstr(binding(desk, "thon1", 0)->contact, ==, "sip:thon1@192.0.2.7:5060");
    g_free(other);
    /* overheard and sent from elsewhere: the nonce belongs to the other address */
    sa_set_str(&desk->flow.remote, "198.51.100.1", 5060);
    g_assert_true(sip_desk_give(desk, message, strlen(message)));
    g_assert_cmpint(desk->code, ==, 401);
    sa_set_str(&desk->flow.remote, "192.0.2.7", 5060);
    g_free(message);
    /* after the nonce's life: stale, then at once right again */
    desk->now_us += 301 * S;
    message = g_strdup_printf(format, 6, line, CONTACT);
    g_assert_true(sip_desk_give(desk, message, strlen(message)));
    g_assert_cmpint(desk->code, ==, 401);
    g_assert_nonnull(strstr(desk->extra, "stale=true"));
    g_free(message);
    g_free(line);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 7, CONTACT), ==, 200);
    sip_desk_free(desk);
}

static void test_algorithms(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});

    /* MD5 is offered; who knows xa2's password hears that it wants SHA-256 */
    g_assert_cmpint(sip_desk_register(desk, "xa2", "mat khau 2", 1, CONTACT), ==, 401);
    g_assert_nonnull(strstr(desk->extra, "algorithm=SHA-256"));
    g_assert_nonnull(strstr(desk->extra, "stale=true"));
    g_assert_cmpint(sip_desk_register(desk, "xa2", "wrong", 2, CONTACT), ==, 401);
    g_assert_null(strstr(desk->extra, "SHA-256"));
    desk->offered = SG_DIGEST_ANY; /* the stronger comes first */
    g_assert_cmpint(sip_desk_register(desk, "xa2", "mat khau 2", 3, CONTACT), ==, 200);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 3, CONTACT), ==, 200);
    sip_desk_free(desk);
}

static void test_bindings(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    const char *one = "Contact: <sip:a@192.0.2.1>\r\nUser-Agent: A\r\n", *two = "Contact: <sip:b@192.0.2.2>\r\nUser-Agent: B\r\n";

    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 1, one), ==, 200);
    sa_set_str(&desk->flow.remote, "192.0.2.11", 5060);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 2, two), ==, 200);
    sa_set_str(&desk->flow.remote, "192.0.2.12", 5060);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 3, "Contact: <sip:c@192.0.2.3>\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 3);
    /* three is the limit; a fourth device elsewhere is refused, a dead one's place is free */
    sa_set_str(&desk->flow.remote, "192.0.2.13", 5060);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 4, "Contact: <sip:d@192.0.2.4>\r\n"), ==, 403);
    sg_location_touch(desk->location, (SgBinding *)binding(desk, "thon1", 1), false, desk->now_us);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 5, "Contact: <sip:d@192.0.2.4>\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 3);
    /* four at once */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 6, "Contact: <sip:1@h>, <sip:2@h>\r\nContact: <sip:3@h>,<sip:4@h>\r\n"), ==, 403);
    /* away with one, then with all */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 7, "Contact: <sip:a@192.0.2.1>;expires=0\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 2);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 8, "Contact: *\r\n"), ==, 400);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 9, "Contact: *\r\nExpires: 60\r\n"), ==, 400);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 10, "Contact: *\r\nExpires: 0\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 0);
    sip_desk_free(desk);
}

static void test_rules(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});

    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 1, CONTACT "Expires: 10\r\n"), ==, 423);
    g_assert_cmpstr(desk->extra, ==, "Min-Expires: 60\r\n");
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 2, CONTACT "Expires: 99999999\r\n"), ==, 200);
    g_assert_nonnull(strstr(desk->extra, "expires=7200"));
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 3, CONTACT "Expires: 99999999999\r\n"), ==, 200);
    g_assert_nonnull(strstr(desk->extra, "expires=3600"));
    /* older than what is there */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 2, CONTACT "Expires: 0\r\n"), ==, 500);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 1);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 9, CONTACT "Require: quantum\r\n"), ==, 420);
    g_assert_cmpstr(desk->extra, ==, "Unsupported: quantum\r\n");
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 10, "Contact: <mailto:x@y>\r\n"), ==, 400);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 11,
                                      "Contact: <sip:x@192.0.2.7>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nPath: <sip:edge;lr>, <sip:e2;lr>\r\n"
                                      "Supported: path, outbound\r\n"), ==, 200);
    g_assert_nonnull(strstr(desk->extra, "+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n"));
    g_assert_nonnull(strstr(desk->extra, "Path: <sip:edge;lr>, <sip:e2;lr>\r\n"));
    g_assert_nonnull(strstr(desk->extra, "Require: outbound\r\nFlow-Timer: "));
    /* the same device from another address and contact takes its own place */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 12, "Contact: <sip:x@192.0.2.8:9>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 2);
    g_assert_cmpstr(binding(desk, "thon1", 1)->contact, ==, "sip:x@192.0.2.8:9");
    /* a reg-id from one that does not claim to know what it means is no more than decoration */
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 13, "Contact: <sip:x@192.0.2.9:9>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n"), ==, 200);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 3);
    g_assert_null(strstr(desk->extra, "Require: outbound"));
    sip_desk_free(desk);
}

/* Whoever knows the old password only is out at once, not when the registration runs out. */
static void test_publish(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    SgSnapshot *next = sg_snapshot_new();
    GPtrArray *changes;

    desk->offered = SG_DIGEST_ANY;
    for (unsigned i = 1; i <= 3; i++) {
        char *contact = g_strdup_printf("Contact: <sip:a@192.0.2.%u>\r\n", i);

        g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", i, contact), ==, 200);
        g_free(contact);
    }
    g_assert_cmpint(sip_desk_register(desk, "xa2", "mat khau 2", 1, CONTACT), ==, 200);
    g_ptr_array_unref(sg_location_take_changes(desk->location, desk->now_us, 0));
    sip_desk_account(next, "thon1", "mat khau moi", 0, false);
    sip_desk_account(next, "xa2", "mat khau 2", SG_DIGEST_SHA256, false);
    sg_registrar_publish(desk->registrar, next);
    g_assert_cmpuint(bindings(desk, "thon1"), ==, 0);
    g_assert_cmpuint(bindings(desk, "xa2"), ==, 1);
    changes = sg_location_take_changes(desk->location, desk->now_us, 0);
    g_assert_cmpuint(changes->len, ==, 3);
    g_assert_true(((SgBindingRecord *)changes->pdata[2])->removed);
    g_assert_cmpstr(((SgBindingRecord *)changes->pdata[2])->reason, ==, "the password was changed");
    g_ptr_array_unref(changes);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 9, CONTACT), ==, 401);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau moi", 9, CONTACT), ==, 200);
    /* disabled, and deleted */
    next = sg_snapshot_new();
    sip_desk_account(next, "thon1", "mat khau moi", 0, true);
    sg_registrar_publish(desk->registrar, next);
    g_assert_cmpuint(sg_location_count(desk->location), ==, 0);
    sip_desk_free(desk);
}

static void count_probe(SgBinding *one, void *user)
{
    ++*(unsigned *)user;
}

static void test_probe_and_changes(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){0});
    unsigned probes = 0;
    GPtrArray *changes;

    sip_desk_register(desk, "thon1", "mat khau 1", 1, CONTACT);
    changes = sg_location_take_changes(desk->location, desk->now_us, 7 * S);
    g_assert_cmpuint(changes->len, ==, 1);
    g_assert_cmpstr(((SgBindingRecord *)changes->pdata[0])->host, ==, "192.0.2.7");
    g_assert_cmpint(((SgBindingRecord *)changes->pdata[0])->expires_wall_us, ==, 3607 * S);
    g_ptr_array_unref(changes);
    g_assert_null(sg_location_take_changes(desk->location, desk->now_us, 0));
    sg_location_sweep(desk->location, desk->now_us + 119 * S, 120 * S, 10, count_probe, &probes);
    g_assert_cmpuint(probes, ==, 0);
    sg_location_sweep(desk->location, desk->now_us + 120 * S, 120 * S, 10, count_probe, &probes);
    sg_location_sweep(desk->location, desk->now_us + 121 * S, 120 * S, 10, count_probe, &probes); /* one at a time */
    g_assert_cmpuint(probes, ==, 1);
    sg_location_touch(desk->location, (SgBinding *)binding(desk, "thon1", 0), false, desk->now_us + 150 * S);
    changes = sg_location_take_changes(desk->location, desk->now_us, 0);
    g_assert_false(((SgBindingRecord *)changes->pdata[0])->alive);
    g_ptr_array_unref(changes);
    sip_desk_free(desk);
}

static void test_flood(void)
{
    SipDesk *desk = sip_desk_new(&(SgGuardOptions){.burst = 50, .rate_per_s = 1, .bad_passwords = 5});
    unsigned i;

    for (i = 0; i < 100; i++)
        sip_desk_register(desk, "thon1", "guess", i + 1, CONTACT);
    g_assert_cmpuint(md_stat_get(&desk->stats.auth_failures), ==, 5); /* then it was banned: no more password work */
    g_assert_cmpuint(md_stat_get(&desk->stats.bans), ==, 1);
    g_assert_cmpint(sip_desk_register(desk, "thon1", "mat khau 1", 200, CONTACT), ==, 0);
    sip_desk_free(desk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/registrar/register", test_register);
    g_test_add_func("/sip/registrar/alike", test_alike);
    g_test_add_func("/sip/registrar/stale-and-replay", test_stale_and_replay);
    g_test_add_func("/sip/registrar/algorithms", test_algorithms);
    g_test_add_func("/sip/registrar/bindings", test_bindings);
    g_test_add_func("/sip/registrar/rules", test_rules);
    g_test_add_func("/sip/registrar/probe-and-changes", test_probe_and_changes);
    g_test_add_func("/sip/registrar/publish", test_publish);
    g_test_add_func("/sip/registrar/flood", test_flood);
    return g_test_run();
}
