/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/link/jws.h"
#include "broadcast/link/protocol.h"
#include "tests/fuzz/fuzz.h"

/* The key of RFC 8037 Appendix A: the seeds hold texts it signed. Input is a token, and a key set, and a topic. */
static const char keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
static const char good[] = "Example of Ed25519 signing";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static BcTrust *trust;
    g_autoptr(GError) error = NULL, other = NULL;
    if (!trust)
        trust = bc_trust_new(keys, strlen(keys), NULL);
    g_autoptr(GBytes) payload = bc_jws_verify(trust, NULL, (const char *)data, size, &error);
    if (!payload == !error)
        g_error("neither a payload nor an error, or both");
    if (payload && (g_bytes_get_size(payload) != strlen(good) || memcmp(g_bytes_get_data(payload, NULL), good, strlen(good)) != 0))
        g_error("a forged token is believed");
    BcTrust *set = bc_trust_new((const char *)data, size, &other);
    if (!set == !other)
        g_error("neither a key set nor an error, or both");
    bc_trust_free(set);
    g_autofree char *topic = g_strndup((const char *)data, size), *device = NULL;
    const char *what = NULL;
    if (bc_link_topic_parse(topic, &device, &what) && what) {
        g_autofree char *up = bc_link_topic("up", device, what), *down = bc_link_topic("down", device, what);
        if (strcmp(topic, up) != 0 && strcmp(topic, down) != 0)
            g_error("topic %s reads as %s", topic, device);
    }
    g_autofree char *gateway = NULL, *object = NULL;
    if (bc_link_vendor_topic_parse(topic, &gateway, &object)) {
        g_autofree char *again = bc_link_vendor_topic(gateway, "up", object);
        if (strcmp(topic, again) != 0)
            g_error("topic %s reads as %s of %s", topic, object, gateway);
    }
    return 0;
}
