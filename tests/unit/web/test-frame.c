/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "mediad/web/frame.h"

static void taken(const char *text, MdWebType type)
{
    MdWebFrame frame;
    g_autoptr(GError) error = NULL;
    g_assert_true(md_web_frame_parse(&frame, text, strlen(text), &error));
    g_assert_no_error(error);
    g_assert_cmpint(frame.type, ==, type);
    md_web_frame_clear(&frame);
}

static void refused(const char *text, MdWebError code, const char *says)
{
    MdWebFrame frame;
    g_autoptr(GError) error = NULL;
    g_assert_false(md_web_frame_parse(&frame, text, strlen(text), &error));
    g_assert_error(error, MD_WEB_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, says));
}

static void test_fields(void)
{
    MdWebFrame frame;
    g_autoptr(GError) error = NULL;
    static const char text[] = "{\"type\":\"hello\",\"room\":\"r\",\"name\":\"UBND xã\",\"media\":\"keep\","
                               "\"resume\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";
    g_assert_true(md_web_frame_parse(&frame, text, strlen(text), &error));
    g_assert_cmpstr(frame.room, ==, "r");
    g_assert_cmpstr(frame.name, ==, "UBND xã");
    g_assert_null(frame.pin);
    g_assert_true(frame.keep_media);
    g_assert_cmpint((int)strlen(frame.resume), ==, MD_WEB_TOKEN_LEN);
    md_web_frame_clear(&frame);
    taken("{\"type\":\"later\",\"x\":{}}", MD_WEB_UNKNOWN);
    taken("{\"type\":\"candidate\",\"candidate\":\"\"}", MD_WEB_CANDIDATE);
    taken("{\"type\":\"view\",\"layout\":null}", MD_WEB_VIEW);
    taken("{\"type\":\"ice-error\",\"url\":\"turn:192.0.2.1:3478?transport=udp\",\"code\":401,\"text\":\"Unauthorized\"}", MD_WEB_ICE_ERROR);
    taken("{\"type\":\"ice-servers\"}", MD_WEB_ICE_SERVERS);
    refused("{\"type\":\"ice-error\",\"url\":\"turn:192.0.2.1\"}", MD_WEB_ERROR_FIELD, "\"code\"");
    refused("{\"type\":\"view\",\"layout\":\"1+5\",\"seats\":[1]}", MD_WEB_ERROR_FIELD, "seats");
    refused("{\"type\":\"view\",\"seats\":\"m3\"}", MD_WEB_ERROR_FIELD, "list");
    refused("{\"type\":\"view\",\"seats\":[\"a-name-that-is-no-id\"]}", MD_WEB_ERROR_FIELD, "seats");
    taken("{\"type\":\"chat\",\"text\":\"[[[[[[[[[[ a\\nb\"}", MD_WEB_CHAT);
    taken("{\"type\":\"channel\",\"name\":null}", MD_WEB_CHANNEL);
    taken("{\"type\":\"channel\",\"name\":\"English\"}", MD_WEB_CHANNEL);
    taken("{\"type\":\"act\",\"act\":\"mute\",\"id\":7,\"member\":\"m1\",\"muted\":true}", MD_WEB_ACT);
    refused("{\"type\":\"act\",\"id\":7}", MD_WEB_ERROR_FIELD, "\"act\"");
    refused("{\"type\":\"act\",\"act\":{}}", MD_WEB_ERROR_FIELD, "text");
    refused("{\"type\":\"offer\"}", MD_WEB_ERROR_FIELD, "\"sdp\"");
    refused("{\"type\":\"mute\",\"muted\":1}", MD_WEB_ERROR_FIELD, "true or false");
    refused("{\"type\":\"vote\",\"vote\":\"v1\",\"choice\":64}", MD_WEB_ERROR_FIELD, "0 to 63");
    refused("{\"type\":\"vote\",\"vote\":\"v1\",\"choice\":-1}", MD_WEB_ERROR_FIELD, "0 to 63");
    refused("{\"type\":\"dtmf\",\"digit\":\"12\"}", MD_WEB_ERROR_FIELD, "digit");
    refused("{\"type\":\"hello\",\"name\":\"a\\u0007b\"}", MD_WEB_ERROR_FIELD, "control");
    refused("{\"type\":\"hello\",\"resume\":\"short\"}", MD_WEB_ERROR_FIELD, "resume");
    refused("{\"room\":\"r\"}", MD_WEB_ERROR_SYNTAX, "type");
    refused("[]", MD_WEB_ERROR_SYNTAX, "object");
    refused("", MD_WEB_ERROR_SYNTAX, "JSON");
    refused("{\"type\":\"ping\"}{\"type\":\"ping\"}", MD_WEB_ERROR_SYNTAX, "something follows"); /* json-glib would lose the first of two */
    refused("{\"type\":\"hello\",\"x\":[[[[[[[1]]]]]]]}", MD_WEB_ERROR_SYNTAX, "deep");
}

/* Who sits where: ids, and nulls for anybody; as many as a layout has seats. */
static void test_seats(void)
{
    MdWebFrame frame;
    g_autoptr(GError) error = NULL;
    static const char text[] = "{\"type\":\"view\",\"layout\":null,\"seats\":[null,\"m3\",null]}", none[] = "{\"type\":\"view\",\"width\":640}";
    g_assert_true(md_web_frame_parse(&frame, text, strlen(text), &error));
    g_assert_true(frame.has_layout && frame.has_seats && frame.layout == NULL);
    g_assert_cmpstr(frame.seats[0], ==, "");
    g_assert_cmpstr(frame.seats[1], ==, "m3");
    g_assert_cmpstr(frame.seats[2], ==, "");
    g_assert_null(frame.seats[3]);
    md_web_frame_clear(&frame);
    g_assert_true(md_web_frame_parse(&frame, none, strlen(none), &error));
    g_assert_false(frame.has_layout || frame.has_seats);
    md_web_frame_clear(&frame);
    g_autoptr(GString) many = g_string_new("{\"type\":\"view\",\"layout\":\"9x8\",\"seats\":[null");
    for (unsigned i = 1; i < MD_WEB_SEATS_MAX; i++)
        g_string_append(many, ",null");
    g_autofree char *fits = g_strconcat(many->str, "]}", NULL), *over = g_strconcat(many->str, ",null]}", NULL);
    taken(fits, MD_WEB_VIEW);
    refused(over, MD_WEB_ERROR_FIELD, "72");
}

static void test_size(void)
{
    g_autofree char *filling = g_strnfill(MD_WEB_SDP_MAX + 1, 'x');
    g_autofree char *large = g_strdup_printf("{\"type\":\"offer\",\"sdp\":\"%s\"}", filling);
    refused(large, MD_WEB_ERROR_FIELD, "longer");
    g_autofree char *whole = g_strnfill(MD_WEB_FRAME_MAX + 1, ' ');
    refused(whole, MD_WEB_ERROR_SYNTAX, "bytes");
    filling[MD_WEB_SDP_MAX] = 0;
    g_autofree char *fits = g_strdup_printf("{\"type\":\"offer\",\"sdp\":\"%s\"}", filling);
    taken(fits, MD_WEB_OFFER);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/frame/fields", test_fields);
    g_test_add_func("/web/frame/seats", test_seats);
    g_test_add_func("/web/frame/size", test_size);
    return g_test_run();
}
