/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/cap.h"

#include <string.h>
#include "broadcast/alert/feed.h"
#include "broadcast/alert/mapping.h"
#include "broadcast/alert/region.h"
#include "broadcast/alert/xml.h"

/* The parser: the standard's own messages, what it refuses and how it says so, and XML made to hurt. */
#define HEAD                                                                                                                  \
    "<alert xmlns=\"" BC_CAP_NS "\"><identifier>i</identifier><sender>s</sender><sent>2026-11-23T03:00:00+07:00</sent>"     \
    "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope>"
#define INFO                                                                                                                   \
    "<info><category>Met</category><event>e</event><urgency>Immediate</urgency><severity>Severe</severity>"                   \
    "<certainty>Likely</certainty>"
#define WHOLE HEAD INFO "</info></alert>"

static BcCap *sample(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "fixtures", "cap", name, NULL);
    g_autofree char *text = NULL;
    gsize len;
    g_file_get_contents(path, &text, &len, &error);
    g_assert_no_error(error);
    BcCap *cap = bc_cap_parse(text, len, &error);
    g_assert_no_error(error);
    return cap;
}

static void test_samples(void)
{
    g_autoptr(BcCap) storm = sample("good-thunderstorm.xml");
    g_assert_cmpstr(storm->identifier, ==, "KSTO1055887203");
    g_assert_cmpint(storm->sent_us / G_USEC_PER_SEC, ==, 1055887020);
    const BcCapInfo *info = storm->infos->pdata[0];
    g_assert_cmpstr(info->language, ==, "en-US");
    g_assert_cmpint(info->severity, ==, BC_CAP_SEVERE);
    g_assert_cmpint(info->expires_us - storm->sent_us, ==, 63 * 60 * (int64_t)G_USEC_PER_SEC);
    const BcCapArea *area = info->areas->pdata[0];
    g_assert_cmpuint(((GArray *)area->polygons->pdata[0])->len, ==, 5);
    g_assert_cmpuint(area->geocodes->len, ==, 2);
    g_assert_cmpstr(g_array_index(area->geocodes, BcCapPair, 1).value, ==, "006009");

    g_autoptr(BcCap) quake = sample("good-earthquake.xml");
    g_assert_cmpint(quake->type, ==, BC_CAP_UPDATE);
    g_assert_cmpstr(g_array_index(quake->references, BcCapReference, 0).identifier, ==, "TRI13970876.1");
    area = ((const BcCapInfo *)quake->infos->pdata[0])->areas->pdata[0];
    g_assert_cmpfloat(g_array_index(area->circles, BcCapCircle, 0).centre.lon, ==, -115.5527);

    static const char *const vi[] = {"vi", "en", NULL}, *const es[] = {"fr", "es", NULL};
    g_autoptr(BcCap) both = sample("good-storm-vi.xml"), amber = sample("good-languages.xml");
    g_assert_cmpstr(bc_cap_choose(both, vi)->headline, ==, "Tin bão khẩn cấp");
    g_assert_cmpstr(bc_cap_choose(amber, vi)->language, ==, "en-US");
    g_assert_cmpstr(bc_cap_choose(amber, es)->language, ==, "es-US");
}

/* What is wrong, and the words by which somebody finds it. */
static void test_refused(void)
{
    static const struct { const char *text, *says; } cases[] = {
        {"", "0 bytes"},
        {"<alert/>", "namespace"},
        {"<a:alert xmlns:a=\"urn:oasis:names:tc:emergency:cap:1.1\"/>", "cap:1.1"},
        {"<alert xmlns=\"" BC_CAP_NS "\"/>", "<identifier> is missing"},
        {HEAD "</alert>", "<info> is missing"},
        {HEAD "\n" INFO "<urgency>Soon</urgency></info></alert>", "line 2: <urgency>: it is there twice"},
        {HEAD "<info><category>Met</category><event>e</event><urgency>Soon</urgency></info></alert>", "\"Soon\" is none of Immediate, Expected"},
        {HEAD "<info><event>e</event></info></alert>", "<category> is missing"},
        {HEAD INFO "<colour>red</colour></info></alert>", "<colour>: CAP 1.2 knows no such element"},
        {HEAD "<x:y xmlns:x=\"urn:x\"/></alert>", "namespace is \"urn:x\""},
        {HEAD INFO "<expires>2026-11-23T03:00:00Z</expires></info></alert>", "is no time like"},
        {HEAD INFO "<expires>2026-13-23T03:00:00+07:00</expires></info></alert>", "is no time like"},
        {HEAD INFO "<area><polygon>1,2 3,4 1,2</polygon></area></info></alert>", "at least four points"},
        {HEAD INFO "<area><polygon>1,2 3,4 5,6 7,8</polygon></area></info></alert>", "the last the same as the first"},
        {HEAD INFO "<area><polygon>91,2 3,4 5,6 91,2</polygon></area></info></alert>", "latitude,longitude"},
        {HEAD INFO "<area><polygon>nan,2 3,4 5,6 nan,2</polygon></area></info></alert>", "latitude,longitude"},
        {HEAD INFO "<area><circle>1,2 -1</circle></area></info></alert>", "kilometres"},
        {HEAD INFO "<area><circle>1,2 inf</circle></area></info></alert>", "kilometres"},
        {HEAD INFO "<area><areaDesc><b/></areaDesc></area></info></alert>", "text is wanted"},
        {HEAD INFO "<area><geocode><value>1</value></geocode></area></info></alert>", "<valueName> and <value>"},
        {"<alert xmlns=\"" BC_CAP_NS "\"><identifier>a b</identifier></alert>", "<identifier>: 1 to 255 bytes without blanks"},
        {"<alert xmlns=\"" BC_CAP_NS "\"><identifier>a</identifier>", "no well-formed XML"},
        {"<alert xmlns=\"" BC_CAP_NS "\">\xff</alert>", "line 1"},
        {"<?xml version=\"1.0\" encoding=\"no-such-thing\"?>" WHOLE, "ncoding"},
        {"<?xml version=\"1.0\" encoding=\"UTF-16\"?>" WHOLE, "UTF-16"},
        {"<?xml version=\"1.0\"?>\n<!DOCTYPE alert [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n" WHOLE, "<!DOCTYPE>"},
        {"<!DOCTYPE alert SYSTEM \"file:///etc/passwd\">" WHOLE, "<!DOCTYPE>"},
        {HEAD "<note>&nothing;</note></alert>", "line 1"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BcCap) cap = bc_cap_parse(cases[i].text, strlen(cases[i].text), &error);
        g_assert_null(cap);
        g_assert_nonnull(error);
        if (!strstr(error->message, cases[i].says))
            g_error("case %u: \"%s\" does not say \"%s\"", i, error->message, cases[i].says);
    }
    g_autoptr(BcCap) cap = bc_cap_parse(WHOLE, strlen(WHOLE), NULL);
    g_assert_nonnull(cap);
}

static void refused_at_limit(const char *text, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(bc_cap_parse(text, len, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_LIMIT);
}

static void test_limits(void)
{
    g_autoptr(GString) deep = g_string_new(NULL), many = g_string_new("<a>"), wide = g_string_new("<a");
    for (unsigned i = 0; i < 10000; i++)
        g_string_append(deep, "<a>");
    for (unsigned i = 0; i < BC_XML_ELEMENTS_MAX + 1; i++)
        g_string_append(many, "<b/>");
    for (unsigned i = 0; i < BC_XML_ATTRIBUTES_MAX + 1; i++)
        g_string_append_printf(wide, " a%u=\"x\"", i);
    g_string_append(wide, "/>");
    refused_at_limit(deep->str, deep->len);
    refused_at_limit(many->str, many->len);
    refused_at_limit(wide->str, wide->len);
    g_autofree char *large = g_strnfill(BC_XML_BYTES_MAX + 1, ' ');
    refused_at_limit(large, BC_XML_BYTES_MAX + 1);
    g_autofree char *attribute = g_strnfill(BC_XML_BYTES_MAX - 200, 'x');
    g_autofree char *huge = g_strdup_printf("<a b=\"%s\"/>", attribute); /* within the limit: read, and no alert */
    g_autoptr(GError) error = NULL;
    g_assert_null(bc_cap_parse(huge, strlen(huge), &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
}

static void test_shapes(void)
{
    static const BcCapPoint square[] = {{18, 105}, {18, 106}, {19, 106}, {19, 105}, {18, 105}};
    static const BcCapPoint hook[] = {{0, 0}, {0, 4}, {4, 4}, {4, 3}, {1, 3}, {1, 0}, {0, 0}}; /* concave */
    g_autoptr(GArray) s = g_array_new(FALSE, FALSE, sizeof(BcCapPoint)), h = g_array_new(FALSE, FALSE, sizeof(BcCapPoint));
    g_array_append_vals(s, square, G_N_ELEMENTS(square));
    g_array_append_vals(h, hook, G_N_ELEMENTS(hook));
    g_assert_true(bc_polygon_contains(s, (BcCapPoint){18.34, 105.9}));
    g_assert_false(bc_polygon_contains(s, (BcCapPoint){17.99, 105.9}));
    g_assert_false(bc_polygon_contains(s, (BcCapPoint){18.5, 106.01}));
    g_assert_true(bc_polygon_contains(h, (BcCapPoint){0.5, 1}));
    g_assert_true(bc_polygon_contains(h, (BcCapPoint){3, 3.5}));
    g_assert_false(bc_polygon_contains(h, (BcCapPoint){3, 1}));
    /* Hà Nội to Hà Tĩnh, and a quarter of the equator */
    g_assert_cmpfloat_with_epsilon(bc_distance_km((BcCapPoint){21.0285, 105.8542}, (BcCapPoint){18.3419, 105.9029}), 298.8, 0.5);
    g_assert_cmpfloat_with_epsilon(bc_distance_km((BcCapPoint){0, 0}, (BcCapPoint){0, 90}), 10007.6, 0.2);
}

static BcSounding choose(const char *event, const char *severity, const char *urgency)
{
    g_autofree char *text = g_strdup_printf(HEAD "<info><language>vi</language><category>Met</category><event>%s</event><urgency>%s</urgency>"
                                                 "<severity>%s</severity><certainty>Likely</certainty></info></alert>",
                                            event, urgency, severity);
    g_autoptr(GError) error = NULL;
    g_autoptr(BcCap) cap = bc_cap_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    BcSounding sounding;
    bc_siren_choose(NULL, 0, cap->infos->pdata[0], &sounding);
    return sounding;
}

static void test_sirens(void)
{
    g_assert_cmpint(choose("BÃO số 9", "Severe", "Expected").siren, ==, BC_SIREN_STORM);
    g_assert_cmpint(choose("Lũ quét", "Severe", "Expected").siren, ==, BC_SIREN_FLOOD);
    g_assert_cmpint(choose("Tsunami warning", "Unknown", "Future").siren, ==, BC_SIREN_URGENT);
    g_assert_cmpint(choose("Cháy rừng", "Extreme", "Immediate").siren, ==, BC_SIREN_URGENT);
    BcSounding minor = choose("Rét đậm", "Minor", "Future");
    g_assert_cmpint(minor.siren, ==, BC_SIREN_CHIME);
    g_assert_cmpint(minor.priority, ==, BC_NORMAL);
    const BcSirenRule rules[] = {{.event = "*rét*", .siren = "none", .priority = "priority", .repeats = 99, .rounds = 9}};
    g_autoptr(BcCap) cap = bc_cap_parse(HEAD INFO "<eventCode><valueName>x</valueName><value>RÉT</value></eventCode></info></alert>",
                                        strlen(HEAD INFO "<eventCode><valueName>x</valueName><value>RÉT</value></eventCode></info></alert>"), NULL);
    BcSounding own;
    bc_siren_choose(rules, 1, cap->infos->pdata[0], &own);
    g_assert_true(own.siren == BC_SIREN_NONE && own.repeats == BC_ALERT_REPEATS_MAX && own.rounds == 3 && own.priority == BC_PRIORITY);
}

static void test_words(void)
{
    g_autofree char *real = bc_alert_words(BC_SAID_ACTUAL, "Tin bão", "Bão vào bờ\n", "Sơ tán ngay!");
    g_assert_cmpstr(real, ==, "Tin bão. Bão vào bờ. Sơ tán ngay!");
    g_autofree char *drill = bc_alert_words(BC_SAID_DRILL, "Tin bão", NULL, NULL);
    g_assert_true(g_str_has_prefix(drill, "Đây là diễn tập."));
    g_assert_nonnull(strstr(drill, "Tin bão. Đây là diễn tập."));
    g_autofree char *once = bc_alert_words(BC_SAID_ACTUAL, "Tin bão", "Tin bão", "");
    g_assert_cmpstr(once, ==, "Tin bão.");
    g_autofree char *title = bc_alert_title(BC_SAID_EXERCISE, NULL, "Lũ");
    g_assert_cmpstr(title, ==, "Diễn tập: Lũ");
}

static void test_links(void)
{
    static const char atom[] = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><link rel=\"alternate\" type=\"text/html\" href=\"/page\"/>"
                               "<link type=\"application/cap+xml\" href=\"one.xml\"/></entry><entry><link href=\"https://b.example.vn/two\"/></entry>"
                               "<entry><link href=\"file:///etc/passwd\"/></entry></feed>";
    static const char rss[] = "<rss version=\"2.0\"><channel><item><link>http://a.example.vn/3</link></item></channel></rss>";
    bool is_cap = true;
    g_auto(GStrv) links = bc_feed_links(atom, strlen(atom), "https://a.example.vn/x/atom", &is_cap, NULL);
    g_assert_cmpuint(g_strv_length(links), ==, 2);
    g_assert_cmpstr(links[0], ==, "https://a.example.vn/x/one.xml");
    g_assert_cmpstr(links[1], ==, "https://b.example.vn/two");
    g_assert_false(is_cap);
    g_auto(GStrv) items = bc_feed_links(rss, strlen(rss), "http://a.example.vn/", &is_cap, NULL);
    g_assert_cmpstr(items[0], ==, "http://a.example.vn/3");
    g_auto(GStrv) none = bc_feed_links(WHOLE, strlen(WHOLE), "http://a.example.vn/", &is_cap, NULL);
    g_assert_true(is_cap);
    g_autoptr(GError) error = NULL;
    g_assert_null(bc_feed_links("<html/>", 7, "http://a.example.vn/", &is_cap, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/alert/cap/samples", test_samples);
    g_test_add_func("/alert/cap/refused", test_refused);
    g_test_add_func("/alert/cap/limits", test_limits);
    g_test_add_func("/alert/cap/shapes", test_shapes);
    g_test_add_func("/alert/cap/sirens", test_sirens);
    g_test_add_func("/alert/cap/words", test_words);
    g_test_add_func("/alert/cap/links", test_links);
    return g_test_run();
}
