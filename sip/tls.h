/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include <openssl/ssl.h>

/* TLS 1.2 and up. Any thread while setting up. */
/* Server context from PEM files, or (both NULL) from a self-signed P-256 pair made now for common_name. NULL + error. */
SSL_CTX *sg_tls_server(const char *certificate, const char *key, const char *common_name, GError **error);
/* Client context; verify against ca (NULL: the system's store). NULL + error. */
SSL_CTX *sg_tls_client(const char *ca, bool verify, GError **error);
