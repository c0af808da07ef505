/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/selftest.h"
#include <stdio.h>
#include <string.h>
#include <gst/gst.h>
#include "broadcast/link/siren.h"
#include "broadcast/speaker/core/duty.h"
#include "broadcast/speaker/player.h"
#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"

#define NOW (G_GINT64_CONSTANT(1767330000) * 1000000)

static bool say(const char *what, bool ok)
{
    printf("%s %s\n", ok ? "ok    " : "FAILED", what);
    return ok;
}

static bool signatures(void)
{
    BcKey *key = bc_key_generate(), *other = bc_key_generate();
    g_autofree char *jwk = bc_key_public_jwk(key), *jwks = g_strdup_printf("{\"keys\":[%s]}", jwk);
    BcTrust *trust = bc_trust_new(jwks, strlen(jwks), NULL);
    g_autofree char *good = bc_jws_sign(key, "mediad-command", "{}", 2, NULL), *bad = bc_jws_sign(other, "mediad-command", "{}", 2, NULL);
    g_autoptr(GBytes) payload = trust && good ? bc_jws_verify(trust, "mediad-command", good, strlen(good), NULL) : NULL;
    g_autoptr(GBytes) forged = trust && bad ? bc_jws_verify(trust, "mediad-command", bad, strlen(bad), NULL) : NULL;
    bool ok = payload && !forged;
    bc_trust_free(trust);
    bc_key_free(key);
    bc_key_free(other);
    return ok;
}

static char *no_path(const char *sha256, void *user)
{
    return NULL;
}

static int64_t fixed_clock(void *user)
{
    return NOW;
}

/* An order to sound the all-clear comes out as 440 Hz. */
static bool alert(void)
{
    const char *text = "{\"id\":\"self\",\"verb\":\"alert\",\"issued_ms\":1767330000000,\"expires_ms\":1767330060000,\"siren\":\"all-clear\",\"siren_rounds\":1,"
        "\"item\":{\"kind\":\"content\",\"occurrence\":\"self\",\"priority\":1,\"authority\":1}}", *reason;
    static float pcm[BC_PLAYER_RATE / 10 * 5];
    BcPlayerOps ops = {.media_path = no_path, .clock = fixed_clock};
    BcDuty *desk = bc_duty_new("self", NULL);
    BcPlayer *player = bc_player_new("self", &ops);
    BcLinkCommand command = {0};
    bool ok = bc_link_command_parse(&command, text, strlen(text), NULL) && bc_duty_command(desk, &command, NOW, &reason) == BC_DUTY_OBEYED;
    for (unsigned i = 0; i < G_N_ELEMENTS(pcm) / 480; i++)
        bc_player_render(player, desk, NOW + 400000 + (int64_t)i * 10000, NOW + 410000 + (int64_t)i * 10000, pcm + i * 480, 480);
    ok = ok && md_goertzel(pcm, G_N_ELEMENTS(pcm), 440, BC_PLAYER_RATE) > 0.4f;
    bc_link_command_clear(&command);
    bc_player_free(player);
    bc_duty_free(desk);
    return ok;
}

static bool plugins(void)
{
    static const char *const needed[] = {"filesrc", "decodebin", "uridecodebin", "audioconvert", "audioresample", "appsink", "appsrc", "mpegaudioparse", "souphttpsrc"};
    static const char *const mp3[] = {"mpg123audiodec", "mad"};
    bool ok = true, decodes = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(needed) + G_N_ELEMENTS(mp3); i++) {
        const char *name = i < G_N_ELEMENTS(needed) ? needed[i] : mp3[i - G_N_ELEMENTS(needed)];
        GstElementFactory *factory = gst_element_factory_find(name);
        if (i >= G_N_ELEMENTS(needed))
            decodes |= factory != NULL;
        else if (!factory)
            ok = say(name, false);
        if (factory)
            gst_object_unref(factory);
    }
    return ok && decodes;
}

bool bc_self_test(void)
{
    MdAudioDecoder *opus = md_audio_decoder_new(MD_AUDIO_OPUS);
    bool ok = say("signatures: what is signed is taken, what is forged is not", signatures());
    ok = say("an alert sounds", alert()) && ok;
    ok = say("Opus can be decoded", opus != NULL) && ok;
    ok = say("GStreamer has what files and streams need", plugins()) && ok;
    md_audio_decoder_free(opus);
    return ok;
}
