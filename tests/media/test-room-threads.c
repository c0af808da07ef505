/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rooms on real worker threads while control lets people in and out, mutes, dials and closes rooms: nothing may race (run it
 * under ThreadSanitizer), nothing may be touched after it was let go (AddressSanitizer), and everything comes down. */
#include "tests/fixtures/fake-call.h"
#include "tests/fixtures/fake-leg.h"
#include "mediad/conference/conference.h"

enum { WORKERS = 2, ROOMS = 4, CALLS = 24, ACTIONS = 1500 };
static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS, MD_AUDIO_PCMA};

typedef struct World {
    MdWorker *workers[WORKERS];
    MdMailbox *control;
    FakeDialer dialer;
    MdConference *conference;
    FakeCall *calls[CALLS];
    GPtrArray *all;
    GRand *rand;
    unsigned taps, taps_done;
    _Atomic unsigned tap_ticks;
} World;

static void on_tap(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *user)
{
    World *world = user;
    atomic_fetch_add(&world->tap_ticks, 1);
}

static void on_tap_done(void *user)
{
    ((World *)user)->taps_done++;
}

static MdRoom *any_room(World *world, char name[8])
{
    g_snprintf(name, 8, "r%d", g_rand_int_range(world->rand, 0, ROOMS));
    MdRoom *room = md_conference_find_room(world->conference, name);
    if (room == NULL)
        room = md_conference_create_room(world->conference, &(MdRoomSpec){.name = name, .temporary = true},
                                         NULL);
    return room;
}

static void join_or_leave(World *world, unsigned i)
{
    char name[8];
    if (world->calls[i] != NULL) {
        md_call_emit_closed(world->calls[i]->call, 200, "BYE");
        world->calls[i] = NULL;
        return;
    }
    any_room(world, name);
    FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = name, .account = "site"});
    g_ptr_array_add(world->all, call);
    md_conference_accept_call(world->conference, call->call, MD_ROLE_SITE);
    if (call->rejected != 0)
        return;
    md_call_emit_sdp(call->call, MD_SDP_OFFER, i % 2 ? "hz=400 codec=pcma" : "hz=500");
    md_call_emit_established(call->call);
    world->calls[i] = call;
}

static void act(World *world)
{
    char name[8];
    MdRoom *room = any_room(world, name);
    g_autoptr(GPtrArray) members = md_room_members(room);
    const MdMemberInfo *some =
        members->len > 0 ? g_ptr_array_index(members, g_rand_int_range(world->rand, 0, (int)members->len))
                         : NULL;
    switch (g_rand_int_range(world->rand, 0, 9)) {
    case 0:
        md_room_mute_all(room, g_rand_boolean(world->rand), true);
        break;
    case 1:
        if (some != NULL)
            md_room_mute_member(room, some->id, !some->muted, NULL);
        break;
    case 2:
        if (some != NULL)
            md_room_kick(room, some->id, NULL);
        break;
    case 3:
        if (md_room_add_tap(room, on_tap, world, NULL)) {
            world->taps++;
            md_room_remove_tap(room, on_tap, world, on_tap_done);
        }
        break;
    case 4:
        md_room_dial(room, (const char *const[]){"away", NULL}, MD_ROLE_SITE, true, NULL);
        break;
    case 5:
        if (g_rand_int_range(world->rand, 0, 20) == 0)
            md_room_end(room);
        break;
    default:
        join_or_leave(world, (unsigned)g_rand_int_range(world->rand, 0, CALLS));
    }
}

static void test_threads(void)
{
    World *world = g_new0(World, 1);
    world->rand = g_rand_new_with_seed(11);
    world->all = g_ptr_array_new_with_free_func((GDestroyNotify)fake_call_free);
    world->control = md_mailbox_new(4096);
    fake_dialer_init(&world->dialer);
    for (unsigned i = 0; i < WORKERS; i++) {
        world->workers[i] = md_worker_new(&(MdWorkerOptions){.name = "media", .cpu = -1});
        g_assert_cmpint(md_worker_start(world->workers[i]), ==, 0);
    }
    MdConferenceOptions options = {.workers = world->workers,
                                   .n_workers = WORKERS,
                                   .control = world->control,
                                   .dialer = &world->dialer.base,
                                   .local_host = "127.0.0.1",
                                   .audio_codecs = codecs,
                                   .n_audio_codecs = G_N_ELEMENTS(codecs),
                                   .redial_first_s = 1};
    world->conference = md_conference_new(&options);
    for (unsigned i = 0; i < ACTIONS; i++) {
        act(world);
        md_mailbox_drain(world->control, 0);
        g_main_context_iteration(NULL, FALSE);
        if (i % 4 == 0)
            md_conference_tick(world->conference);
        g_usleep(500); /* real threads: give them their ticks */
    }
    md_conference_free(world->conference);
    g_assert_cmpuint(world->taps_done, ==, world->taps);
    g_assert_cmpuint(fake_legs(), >, 50);
    unsigned pulls = 0;
    for (unsigned i = 0; i < fake_legs(); i++) {
        g_assert_true(fake_leg(i)->stopped && fake_leg(i)->freed);
        pulls += fake_leg(i)->pulls;
    }
    g_assert_cmpuint(pulls, >, 100);
    for (unsigned i = 0; i < WORKERS; i++) {
        md_worker_stop(world->workers[i]);
        md_worker_free(world->workers[i]);
    }
    fake_legs_clear();
    fake_dialer_clear(&world->dialer);
    md_mailbox_free(world->control);
    g_ptr_array_unref(world->all);
    g_rand_free(world->rand);
    g_free(world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/room-threads/stress", test_threads);
    return g_test_run();
}
