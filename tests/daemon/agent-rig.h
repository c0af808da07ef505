/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "sip/client.h"
#include "sip/sip.h"

/* The SIP agent on real loopback sockets with a real database, against our own many-device client. Everything that happens is
 * written into one list of lines; a test waits for lines, a watchdog ends a test that waits in vain. */
enum { UDP4, TCP4, TLS4, UDP6, TCP6, TRUSTED4, N_LISTENERS };
#define OFFER "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define ANSWER "v=0\r\no=b 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
#define OFFER2 "v=0\r\no=a 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"

typedef struct Fixture {
    char *dir;
    MdStore *store;
    SgAccounts *accounts;
    SgAgent *agent;
    SgClient *client, *client6;
    GMutex lock;
    GPtrArray *lines;
    char *passwords[4]; /* of u0 … u3 */
    MdCall *call;       /* the agent's side */
    bool hold_answer, guests;
    unsigned calls_in_max;
} Fixture;

/* Writes a line. Any thread. */
void agent_note(Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool agent_take(Fixture *f, const char *prefix);
/* Runs control's main loop until a line with this beginning has come. */
void agent_wait_for(Fixture *f, const char *prefix);
extern const MdCallHandler agent_call_handler;
void agent_router(MdCall *call, void *user);
extern const SgUaCallbacks agent_callbacks;
void agent_start(Fixture *f);
void agent_open_store(Fixture *f);
void agent_setup(Fixture *f, gconstpointer data);
void agent_teardown(Fixture *f, gconstpointer data);
SgUa *agent_add(Fixture *f, int user, const char *password, int listener);
SgUa *agent_registered(Fixture *f, int user, int listener);
void agent_call_through(Fixture *f, int user, int listener, const char *what);
MdCall *agent_dial(Fixture *f, const char *target, unsigned ring_ms, const char *trunk);
/* /sip-agent/NAME, with a fixture of its own. */
void agent_add_test(const char *name, void (*fn)(Fixture *f, gconstpointer data));
