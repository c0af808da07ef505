/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A certificate that ends soon gets a successor: asked for over the connection that the present one has opened, tried, and put in its place only
 * when it has been let in. */
#include <string.h>
#include "broadcast/speaker/enrol.h"
#include "broadcast/speaker/keep.h"
#include "broadcast/speaker/renewal.h"
#include "broadcast/speaker/speaker-private.h"

#define LOOK_US 3600000000   /* between looks, and before asking again */
#define SOON_US 5000000      /* after a start */
#define TRIAL_US 60000000    /* within which the new one must be let in */

static char *folder_of(const BcSpeaker *speaker)
{
    return g_build_filename(speaker->state_dir, "identity", NULL);
}

/* Certificates given by the settings are somebody else's care. */
static bool ours(const BcSpeaker *speaker)
{
    const BcSettings *s = speaker->settings;
    return s->broker_tls && !s->broker_certificate && !s->broker_key && speaker->identity->certificate && speaker->identity->key &&
           speaker->identity->ca;
}

static void say(BcSpeaker *speaker, const BcLinkRenewal *renewal)
{
    g_autofree char *text = bc_link_renewal_format(renewal);
    bc_broker_say(speaker->broker, "renew", text, 1, false);
}

static void ask(BcSpeaker *speaker)
{
    g_autofree char *folder = folder_of(speaker), *request = NULL;
    g_free(speaker->next_key);
    speaker->next_key = NULL;
    if (!bc_enrol_request(speaker->device, &speaker->next_key, &request)) {
        md_error(&speaker->logger, "no key could be made for a new certificate");
        return;
    }
    md_notice(&speaker->logger, "the certificate ends soon: a new one is asked for");
    say(speaker, &(BcLinkRenewal){request, NULL});
}

void bc_speaker_take_certificate(BcSpeaker *speaker, const char *text, gsize len)
{
    BcLinkCertificate c;
    BcCertificateLife now;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = folder_of(speaker);
    if (!ours(speaker) || !speaker->next_key || speaker->trial_us || !bc_certificate_life(speaker->identity->certificate, &now))
        return;
    if (!bc_link_certificate_parse(&c, text, len, &error)) {
        md_warning(&speaker->logger, "the answer to a request for a certificate is refused: %s", error->message);
        return;
    }
    const char *fault = c.certificate ? bc_certificate_fault(c.certificate, speaker->next_key, speaker->identity->ca, speaker->device, now.until_us)
                        : c.reason ? c.reason : "none is given";
    if (fault)
        md_warning(&speaker->logger, "no new certificate: %s", fault);
    else if (!bc_keep_write(folder, BC_NEXT_KEY, speaker->next_key, strlen(speaker->next_key), 0600, &error) ||
             !bc_keep_write(folder, BC_NEXT_CERTIFICATE, c.certificate, strlen(c.certificate), 0600, &error))
        md_error(&speaker->logger, "the new certificate cannot be kept: %s", error->message);
    else
        speaker->trial_us = -1; /* not from within what the connection has called */
    if (speaker->trial_us != -1)
        bc_identity_drop_next(folder);
    g_clear_pointer(&speaker->next_key, g_free);
    bc_link_certificate_clear(&c);
}

static void connect_with(BcSpeaker *speaker, const char *certificate, const char *key)
{
    g_autoptr(GError) error = NULL;
    bc_broker_free(speaker->broker);
    speaker->broker = NULL;
    if (!bc_speaker_connect(speaker, certificate, key, &error))
        md_error(&speaker->logger, "the certificate cannot be used: %s", error->message);
}

static void begin_trial(BcSpeaker *speaker, int64_t mono_us)
{
    g_autofree char *folder = folder_of(speaker), *certificate = g_build_filename(folder, BC_NEXT_CERTIFICATE, NULL);
    g_autofree char *key = g_build_filename(folder, BC_NEXT_KEY, NULL);
    speaker->trial_us = mono_us + TRIAL_US;
    connect_with(speaker, certificate, key);
}

/* It was let in, or time is up. */
static void end_trial(BcSpeaker *speaker, int64_t mono_us)
{
    g_autofree char *folder = folder_of(speaker);
    g_autoptr(GError) error = NULL;
    bool good = bc_broker_up(speaker->broker);
    if (!good && mono_us < speaker->trial_us)
        return;
    speaker->trial_us = 0;
    if (good && bc_identity_take_next(folder, &error)) {
        md_notice(&speaker->logger, "the new certificate is in use");
        speaker->renew_us = 0;
        speaker->serial_told = false;
    } else if (good) {
        md_error(&speaker->logger, "the new certificate is in use, but cannot be kept: %s", error->message);
    } else {
        md_warning(&speaker->logger, "the new certificate was not let in: back to the former one");
        bc_identity_drop_next(folder);
    }
    connect_with(speaker, speaker->identity->certificate, speaker->identity->key); /* the files of these names are read at every connect */
}

void bc_speaker_tend_certificate(BcSpeaker *speaker)
{
    int64_t mono_us = g_get_monotonic_time();
    BcCertificateLife life;
    if (speaker->trial_us > 0)
        end_trial(speaker, mono_us);
    else if (speaker->trial_us < 0)
        begin_trial(speaker, mono_us);
    if (speaker->trial_us || !ours(speaker) || !bc_broker_up(speaker->broker) || mono_us < speaker->renew_us)
        return;
    g_mutex_lock(&speaker->time_lock);
    bool synced = bc_timing_synced(&speaker->timing);
    g_mutex_unlock(&speaker->time_lock);
    if (!synced || !bc_certificate_life(speaker->identity->certificate, &life)) {
        speaker->renew_us = mono_us + SOON_US;
        return;
    }
    speaker->renew_us = mono_us + LOOK_US;
    if (!speaker->serial_told)
        say(speaker, &(BcLinkRenewal){NULL, life.serial});
    speaker->serial_told = true;
    if (bc_certificate_due(&life, bc_speaker_now_us(speaker)))
        ask(speaker);
}
