/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/transport.h"

static struct sip_msg *parse(const char *text, SgGuardOffence *offence)
{
    return sg_transport_parse(text, strlen(text), 2000, offence);
}

#define HEAD "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport;x=y\r\nVia: SIP/2.0/UDP far;branch=z9hG4bK0\r\n" \
             "From: <sip:a@b>;tag=7\r\nTo: <sip:c@d>\r\nCall-ID: i\r\n"

static void test_response(void)
{
    SgFlow flow = {.kind = SG_UDP};
    GString *out = g_string_new(NULL);
    SgGuardOffence offence;
    struct sip_msg *msg = parse("INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 INVITE\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\r\n", &offence);
    struct sa to;

    g_assert_nonnull(msg);
    sa_set_str(&flow.remote, "192.0.2.9", 7777);
    sg_write_response(out, msg, &flow, 180, NULL, "tt", "X: 1\r\n", "application/sdp", "v=0");
    g_assert_cmpstr(out->str, ==,
                    "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;x=y;rport=7777;received=192.0.2.9\r\n"
                    "Via: SIP/2.0/UDP far;branch=z9hG4bK0\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\nFrom: <sip:a@b>;tag=7\r\n"
                    "To: <sip:c@d>;tag=tt\r\nCall-ID: i\r\nCSeq: 3 INVITE\r\nServer: mediad/" MEDIAD_VERSION "\r\nX: 1\r\n"
                    "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0");
    sg_response_address(&to, msg, &flow);
    g_assert_cmpuint(sa_port(&to), ==, 7777);
    mem_deref(msg);
    msg = parse("OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=7\r\nt: <sip:c@d>\r\ni: i\r\nCSeq: 3 OPTIONS\r\nl: 0\r\n\r\n", &offence);
    g_assert_nonnull(msg);
    sg_response_address(&to, msg, &flow); /* no rport: to the port of the Via */
    g_assert_cmpuint(sa_port(&to), ==, 5062);
    mem_deref(msg);
    g_string_free(out, TRUE);
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "", "\r\n", "INVITE", "INVITE sip:a@b SIP/2.0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "\r\n",                                /* no CSeq */
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 BYE\r\n\r\n",                 /* not its method */
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3000000000 INVITE\r\n\r\n",     /* 2^31 is the end */
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 99999999999 INVITE\r\n\r\n",
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 99999999999 INVITE\r\n\r\n",
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 INVITE\r\nContent-Length: 5\r\n\r\nabc",
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 INVITE\r\nContent-Length: -1\r\n\r\n",
        "INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 INVITE\r\nContent-Length: 99999999999999\r\n\r\n",
        "IN\"VITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 3 IN\"VITE\r\n\r\n",
        "INVITE sip:c@d SIP/7.0\r\n" HEAD "CSeq: 3 INVITE\r\n\r\n",
        "SIP/2.0 xx OK\r\n" HEAD "CSeq: 3 INVITE\r\n\r\n",
    };
    SgGuardOffence offence;
    char *large = g_strnfill(3000, 'x');

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%u", i);
        g_assert_null(parse(bad[i], &offence));
        g_assert_cmpint(offence, ==, SG_OFFENCE_MALFORMED);
    }
    g_assert_null(parse(large, &offence));
    g_assert_cmpint(offence, ==, SG_OFFENCE_OVERSIZE);
    g_free(large);
}

static void test_uri(void)
{
    static const struct {
        const char *text, *user, *host;
        unsigned port;
        SgTransportKind kind;
    } good[] = {
        {"sip:thon1@hatinh.test", "thon1", "hatinh.test", 0, SG_TRANSPORT_INVALID}, {"sip:192.0.2.1:5070", "", "192.0.2.1", 5070, SG_TRANSPORT_INVALID},
        {"sip:a@[2001:db8::1]:5061;transport=tls", "a", "2001:db8::1", 5061, SG_TLS}, {"sips:a@h", "a", "h", 0, SG_TLS},
        {"SIP:a@h;lr;transport=TCP;x", "a", "h", 0, SG_TCP},
    };
    static const char *const bad[] = {"", "thon1", "tel:+84239", "sip:", "http://x", "sip:a@h;transport=carrier-pigeon", "sip:a b@h", "sip:a@h\r\nVia: x",
                                      "sips:a@h;transport=udp"};
    char *long_user = g_strdup_printf("sip:%0300d@h", 1);
    SgTransportKind kind;
    struct sa address;
    SgUri uri;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(sg_uri_parse(&uri, good[i].text));
        g_assert_cmpstr(uri.user, ==, good[i].user);
        g_assert_cmpstr(uri.host, ==, good[i].host);
        g_assert_cmpuint(uri.port, ==, good[i].port);
        g_assert_cmpint(uri.transport, ==, good[i].kind);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(sg_uri_parse(&uri, bad[i]));
    g_assert_false(sg_uri_parse(&uri, long_user));
    g_free(long_user);
    g_assert_true(sg_uri_parse(&uri, "sips:[::1]") && sg_uri_address(&uri, &address, &kind));
    g_assert_cmpuint(sa_port(&address), ==, 5061);
    g_assert_cmpint(kind, ==, SG_TLS);
    g_assert_true(sg_uri_parse(&uri, "sip:name.test") && !sg_uri_address(&uri, &address, &kind));
}

static void test_small_parts(void)
{
    struct pl params, value;
    uint32_t number;
    struct sa sa;

    pl_set_str(&params, ";a=1;lr; tag=xy;b");
    g_assert_true(sg_param(&params, "tag", &value) && pl_strcmp(&value, "xy") == 0);
    g_assert_true(sg_param(&params, "lr", &value) && value.l == 0);
    g_assert_true(sg_param(&params, "b", &value));
    g_assert_false(sg_param(&params, "ta", &value));
    pl_set_str(&params, "4294967295");
    g_assert_true(sg_pl_u32(&params, &number) && number == UINT32_MAX);
    pl_set_str(&params, "4294967296");
    g_assert_false(sg_pl_u32(&params, &number));
    pl_set_str(&params, "12x");
    g_assert_false(sg_pl_u32(&params, &number));
    sa_set_str(&sa, "10.20.30.40", 0);
    g_assert_true(sg_cidr_contains("10.0.0.0/8", &sa) && sg_cidr_contains("10.20.30.40", &sa) && sg_cidr_contains("10.20.30.32/27", &sa));
    g_assert_false(sg_cidr_contains("10.20.30.0/27", &sa) || sg_cidr_contains("::/0", &sa) || sg_cidr_contains("10.0.0.0/99", &sa));
    sa_set_str(&sa, "2001:db8::7", 0);
    g_assert_true(sg_cidr_contains("2001:db8::/32", &sa) && sg_cidr_contains("::/0", &sa));
    g_assert_false(sg_cidr_contains("2001:db9::/32", &sa));
    g_assert_true(sg_account_name_is_valid("xa.cam-binh_01+a") && !sg_account_name_is_valid("") && !sg_account_name_is_valid("a b") &&
                  !sg_account_name_is_valid("a@b") && !sg_account_name_is_valid(NULL));
}

static void test_accounts(void)
{
    SgAccounts *accounts = sg_accounts_new(NULL, "hatinh.test", NULL, NULL);
    SgAccount account = {.name = "xa1", .display = "Xã Cẩm Bình", .kind = SG_ACCOUNT_LOUDSPEAKER, .security = MD_SECURITY_INVALID};
    GError *error = NULL;
    char *password, *again;

    g_assert_true(sg_accounts_ensure(accounts, &account, &password, &error));
    g_assert_cmpuint(strlen(password), ==, 20);
    g_assert_true(sg_accounts_ensure(accounts, &account, &again, &error));
    g_assert_null(again); /* shown once */
    g_assert_false(sg_accounts_create(accounts, &account, "long enough", NULL, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_EXISTS);
    g_clear_error(&error);
    account.name = "xa2";
    g_assert_false(sg_accounts_create(accounts, &account, "short", NULL, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(sg_accounts_find(accounts, "xa2"));
    account.display = "evil\r\nname";
    g_assert_false(sg_accounts_create(accounts, &account, NULL, &again, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_INVALID);
    g_clear_error(&error);
    account.display = NULL;
    account.bindings_max = 51;
    g_assert_false(sg_accounts_create(accounts, &account, NULL, &again, &error));
    g_clear_error(&error);
    account.bindings_max = 0;
    g_assert_false(sg_accounts_update(accounts, &account, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(sg_accounts_create(accounts, &account, "eight888", NULL, &error));
    g_assert_cmpuint(sg_accounts_find(accounts, "xa2")->bindings_max, ==, SG_ACCOUNT_BINDINGS_DEFAULT);
    g_assert_cmpuint(sg_accounts_count(accounts), ==, 2);
    g_assert_true(sg_accounts_delete(accounts, "xa1", &error));
    g_assert_false(sg_accounts_delete(accounts, "xa1", &error));
    g_clear_error(&error);
    g_free(password);
    sg_accounts_free(accounts);
}

/* A bulletin's title is anybody's text: no title may keep its loudspeakers from ringing. */
static void test_display_name(void)
{
    static const char *const rows[][2] = {
        {"Bản tin sáng", "Bản tin sáng"}, {"\"Bão\" số 5", "'Bão' số 5"}, {"a<b>\\c", "a b /c"}, {"x\r\nEvil: 1\x7f", "x  Evil: 1 "}, {"", ""},
    };

    g_assert_null(sg_display_name(NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = sg_display_name(rows[i][0]);
        g_assert_cmpstr(name, ==, rows[i][1]);
    }
    GString *text = g_string_new("x");
    for (unsigned i = 0; i < 200; i++)
        g_string_append(text, "ả"); /* three bytes */
    g_autofree char *cut = sg_display_name(text->str), *bad = sg_display_name("a\xff" "b");
    g_assert_cmpuint(strlen(cut), ==, 1 + 42 * 3);
    g_assert_true(g_utf8_validate(cut, -1, NULL));
    g_assert_true(g_utf8_validate(bad, -1, NULL));
    g_string_free(text, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/message/response", test_response);
    g_test_add_func("/sip/message/refused", test_refused);
    g_test_add_func("/sip/message/uri", test_uri);
    g_test_add_func("/sip/message/small-parts", test_small_parts);
    g_test_add_func("/sip/message/display-name", test_display_name);
    g_test_add_func("/sip/accounts/limits", test_accounts);
    return g_test_run();
}
