/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console's static files. Nothing outside console_dir is ever opened: the path is resolved with every link followed and
 * must still lie below it. */
#include "mediad/api/private.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *content_type(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},   {".json", "application/json"},
        {".svg", "image/svg+xml"},             {".png", "image/png"},
        {".jpg", "image/jpeg"},                {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},              {".wasm", "application/wasm"},
        {".webmanifest", "application/manifest+json"}, {".txt", "text/plain; charset=utf-8"},
        {".mp3", "audio/mpeg"},                {".wav", "audio/wav"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(path, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

static void refuse(SoupServerMessage *message, unsigned status, const char *text)
{
    soup_server_message_set_status(message, status, NULL);
    soup_server_message_set_response(message, "text/plain; charset=utf-8", SOUP_MEMORY_COPY, text, strlen(text));
}

/* The real file behind a decoded path, NULL: none that may be shown. free() it. */
static char *resolve(const char *dir, const char *path)
{
    g_autofree char *joined = g_build_filename(dir, path, NULL);
    char *root = realpath(dir, NULL), *real = realpath(joined, NULL);
    gsize len = root ? strlen(root) : 0;
    struct stat st;

    if (root && real && strncmp(real, root, len) == 0 && (real[len] == '/' || real[len] == '\0') && !strstr(real + len, "/.") &&
        stat(real, &st) == 0 && S_ISREG(st.st_mode)) {
        free(root);
        return real;
    }
    free(root);
    free(real);
    return NULL;
}

/* The file, or what was packed beside it when it was built (FILE.gz), for those that take that: 300 kB are not 1 MB on a phone's line. */
static int open_file(SoupServerMessage *message, const char *path)
{
    SoupMessageHeaders *h = soup_server_message_get_response_headers(message);
    const char *takes = soup_message_headers_get_list(soup_server_message_get_request_headers(message), "Accept-Encoding");
    g_autofree char *packed = g_strconcat(path, ".gz", NULL);
    int fd = takes && strstr(takes, "gzip") ? open(packed, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    soup_message_headers_replace(h, "Vary", "Accept-Encoding");
    if (fd >= 0)
        soup_message_headers_replace(h, "Content-Encoding", "gzip");
    return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static void send_file(SoupServerMessage *message, const char *path)
{
    int fd = open_file(message, path);
    SoupMessageHeaders *h = soup_server_message_get_response_headers(message);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        refuse(message, 404, "not found\n");
        return;
    }
    g_autofree char *etag = g_strdup_printf("\"%llx-%llx-%lx\"", (unsigned long long)st.st_size,
                                            (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    soup_message_headers_replace(h, "ETag", etag);
    /* what the build names by its content never changes */
    soup_message_headers_replace(h, "Cache-Control", strstr(path, "/assets/") ? "max-age=31536000, immutable" : "no-cache");
    const char *has =
        soup_message_headers_get_list(soup_server_message_get_request_headers(message), "If-None-Match");
    if (has && strstr(has, etag)) {
        close(fd);
        soup_server_message_set_status(message, 304, NULL);
        return;
    }
    GMappedFile *map = g_mapped_file_new_from_fd(fd, FALSE, NULL);
    close(fd);
    if (!map) {
        refuse(message, 500, "cannot read\n");
        return;
    }
    g_autoptr(GBytes) bytes = g_mapped_file_get_bytes(map);
    g_mapped_file_unref(map);
    soup_server_message_set_status(message, 200, NULL);
    soup_message_headers_set_content_type(h, content_type(path), NULL);
    soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
}

void md_api_console_handler(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                            gpointer user)
{
    MdApi *api = user;
    const char *method = soup_server_message_get_method(message);
    g_autofree char *source = md_api_source_of(message);

    md_api_security_headers(api, message, true);
    if (!g_str_equal(method, "GET") && !g_str_equal(method, "HEAD")) {
        refuse(message, 405, "GET only\n");
        return;
    }
    if (!md_api_guard_request(api->guard, source, md_clock_now_us(api->clock))) {
        refuse(message, 429, "too many requests\n");
        return;
    }
    g_autofree char *decoded = g_uri_unescape_string(path, "/"); /* NULL when it hides a slash or a NUL */
    if (!decoded || !api->console_dir || strchr(decoded, '\\') || strlen(decoded) > 1024) {
        refuse(message, 404, "not found\n");
        return;
    }
    char *real = resolve(api->console_dir, g_str_equal(decoded, "/") ? "/index.html" : decoded);
    if (!real && !strchr(strrchr(decoded, '/'), '.'))
        real = resolve(api->console_dir, "/index.html"); /* a page of the console, which routes by itself */
    if (real)
        send_file(message, real);
    else
        refuse(message, 404, "not found\n");
    free(real);
}
