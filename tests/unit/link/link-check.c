/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Usage: link-check NOUN, a message on standard input: 0 when mediad's own parser takes it, else 1 and why. For test-document. */
#include <stdio.h>
#include <string.h>
#include "broadcast/link/protocol.h"

#define TRY(Type, noun, name)                                                       \
    if (strcmp(argv[1], name) == 0) {                                               \
        Type message;                                                               \
        ok = bc_link_##noun##_parse(&message, text->str, text->len, &error);        \
        if (ok)                                                                     \
            bc_link_##noun##_clear(&message);                                       \
        known = true;                                                               \
    }

static bool try_all(char **argv, const GString *text)
{
    g_autoptr(GError) error = NULL;
    bool ok = false, known = false;
    BcLinkClock clock;
    TRY(BcLinkManifest, manifest, "manifest")
    TRY(BcLinkCommand, command, "command")
    TRY(BcLinkAck, ack, "ack")
    TRY(BcLinkReports, reports, "report")
    TRY(BcLinkReceipt, receipt, "receipt")
    TRY(BcLinkRenewal, renewal, "renewal")
    TRY(BcLinkCertificate, certificate, "certificate")
    TRY(BcLinkTelemetry, telemetry, "telemetry")
    TRY(BcLinkState, state, "state")
    TRY(BcLinkLog, log, "log")
    TRY(BcLinkFirmware, firmware, "firmware")
    if (strcmp(argv[1], "clock") == 0) {
        ok = bc_link_clock_parse(&clock, text->str, text->len, &error);
        known = true;
    }
    if (!ok)
        fprintf(stderr, "%s\n", known ? error->message : "no such message");
    return ok;
}

int main(int argc, char **argv)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
        g_string_append_len(text, piece, (gssize)n);
    return argc == 2 && try_all(argv, text) ? 0 : 1;
}
