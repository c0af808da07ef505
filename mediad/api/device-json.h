/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device-link/service.h"
#include "mediad/api/broadcast-json.h"

/* What device-link.c and device-health.c share. */
typedef struct MdApiDeviceLink {
    MdApiBroadcast broadcast;
    BcDeviceLink *link; /* NULL: none is set */
} MdApiDeviceLink;

/* The device of the path, that the account may see (and, with change, that is its to command). Replies and returns NULL when not. */
const BcDevice *md_api_link_device(MdApiRequest *request, MdApiDeviceLink *a);
/* Replies 409 and returns false when there is no device link. */
bool md_api_link_there(MdApiRequest *request, MdApiDeviceLink *a);
void md_api_add_device_health(MdApiDeviceLink *a);
