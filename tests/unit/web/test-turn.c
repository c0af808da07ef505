/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/web/turn.h"

static void test_credentials(void)
{
    g_autofree char *name = md_web_turn_username("m7; drop", 3600, INT64_C(1433892318) * G_USEC_PER_SEC);
    g_assert_cmpstr(name, ==, "1433895918:m7drop");
    /* hmac.new(b"north", b"1433895918:m7", sha1) of another implementation */
    g_autofree char *password = md_web_turn_password("north", "1433895918:m7");
    g_assert_cmpstr(password, ==, "4H9oQhPUHFllYK0PTUBDSSrsuko=");
}

static void test_servers(void)
{
    static const char *const stun[] = {"stun:192.0.2.1:3478", NULL}, *const turn[] = {"turn:192.0.2.1:3478", "turns:192.0.2.1:5349", NULL};
    MdWebTurn told = {.stun = stun, .turn = turn, .lifetime_s = 600};
    g_autoptr(JsonArray) without = md_web_ice_servers(&told, "m1", 0);
    g_assert_cmpuint(json_array_get_length(without), ==, 1); /* without the secret nobody could use it */
    told.secret = "north";
    g_autoptr(JsonArray) servers = md_web_ice_servers(&told, "m1", 0);
    g_assert_cmpuint(json_array_get_length(servers), ==, 2);
    JsonObject *server = json_array_get_object_element(servers, 1);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(server, "urls")), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(server, "username"), ==, "600:m1");
    g_autofree char *password = md_web_turn_password("north", "600:m1");
    g_assert_cmpstr(json_object_get_string_member(server, "credential"), ==, password);
    /* Asked again half a life later: good for a whole one from then on, by a password of its own. */
    g_autoptr(JsonArray) later = md_web_ice_servers(&told, "m1", 300 * G_USEC_PER_SEC);
    server = json_array_get_object_element(later, 1);
    g_autofree char *fresh = md_web_turn_password("north", "900:m1");
    g_assert_cmpstr(json_object_get_string_member(server, "username"), ==, "900:m1");
    g_assert_cmpstr(json_object_get_string_member(server, "credential"), ==, fresh);
    g_assert_cmpstr(fresh, !=, password);
    told = (MdWebTurn){0};
    g_autoptr(JsonArray) none = md_web_ice_servers(&told, "m1", 0);
    g_assert_cmpuint(json_array_get_length(none), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/turn/credentials", test_credentials);
    g_test_add_func("/web/turn/servers", test_servers);
    return g_test_run();
}
