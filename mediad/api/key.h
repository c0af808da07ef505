/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/api/api.h"

/* Did the request come with a key (header X-Api-Key) made for that purpose ("feed", "feedback")? Tells its name and area ("" the whole
 * province); g_free both. */
bool md_api_request_key(MdApiRequest *request, const char *purpose, char **ret_name, char **ret_area);
/* The same for a key that came in another way. */
bool md_api_check_key(MdApiRequest *request, const char *key, const char *purpose, char **ret_name, char **ret_area);
void md_api_key_routes(MdApi *api);
