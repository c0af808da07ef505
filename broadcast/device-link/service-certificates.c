/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of devices on the link: they are renewed, they end, they are withdrawn and the broker lets go of who had them. */
#include "broadcast/device-link/service.h"

#include <string.h>
#include "broadcast/device-link/private.h"

void bc_link_on_renewed(const char *device, const BcEnrolled *renewed, const GError *error, void *user)
{
    BcDeviceLink *link = user;
    g_autofree char *topic = bc_link_topic("down", device, "certificate");
    BcLinkCertificate answer = {.reason = (char *)(renewed ? NULL : error ? error->message : "it could not be made")};
    if (renewed)
        answer = (BcLinkCertificate){(char *)renewed->certificate, (char *)renewed->serial, renewed->expires_us, NULL};
    g_autofree char *text = bc_link_certificate_format(&answer);
    if (link->connection)
        bc_connection_publish(link->connection, topic, text, strlen(text), 1, false);
    if (renewed)
        md_notice(&link->logger, "%s has got a new certificate, %s", device, renewed->serial);
    else
        md_warning(&link->logger, "%s gets no new certificate: %s", device, answer.reason);
}

/* Once a day: devices renew by themselves, these did not. */
void bc_link_look_for_ending(BcDeviceLink *link, int64_t now_us)
{
    unsigned n = bc_credentials_ending(link->credentials, now_us + BC_LINK_ENDING_US);
    if (!n || (link->ending_told_us && now_us - link->ending_told_us < 86400ll * G_USEC_PER_SEC))
        return;
    link->ending_told_us = now_us;
    md_warning(&link->logger, "%u certificates of devices end within 30 days and were not renewed by their devices: see why-silent", n);
}

/* Its certificate is withdrawn, its connection may be there yet: it is ended. One that has a new certificate may come at any moment. */
void bc_link_on_credential(const char *id, bool former, bool now, void *user)
{
    BcDeviceLink *link = user;
    BcLinkDevice *device = bc_link_device(link, id, false);
    if (link->ejector && now)
        bc_ejector_remove(link->ejector, id);
    if (link->ejector && former)
        bc_ejector_add(link->ejector, id, !now, md_clock_now_us(link->options.clock));
    if (!device || !device->online || now)
        return;
    device->state.online = false;
    bc_link_set_online(link, device, false);
}

void bc_link_on_ejected(const char *id, const GError *error, void *user)
{
    BcDeviceLink *link = user;
    g_autofree char *topic = bc_link_topic("up", id, "state");
    if (error)
        md_warning(&link->logger, "%s is withdrawn, its connection cannot be ended: %s", id, error->message);
    else
        md_notice(&link->logger, "a former certificate of %s is withdrawn: its connection to the broker, if any, is being ended", id);
    if (link->connection && !bc_credentials_find(link->credentials, id))
        bc_connection_publish(link->connection, topic, "", 0, 1, true); /* what it last said is not kept */
}
