/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs one fuzz target over its seeds without libFuzzer: each seed whole, cut short at up to 64 places, and with seeded
 * random damage (FUZZ_ROUNDS times, 200 at first). The same every time. Usage: replay SEED_FOLDER. TAP on stdout. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/fuzz/fuzz.h"

#define SEED_MAX (1 << 20)
#define SEEDS_MAX 4096
#define CUTS_MAX 64

/* What runs now, for the crash note. */
static char running[4200];

static void note_crash(void)
{
    char line[4300];
    int n = snprintf(line, sizeof line, "\nBail out! died on %s\n", running);
    ssize_t wrote = write(STDOUT_FILENO, line, (size_t)n);
    (void)wrote;
}

static void on_signal(int number)
{
    note_crash();
    signal(number, SIG_DFL);
    raise(number);
}

/* There when a sanitizer is linked in. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* An exact heap copy, so that a read past the end is one past the allocation. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void damage(uint8_t *data, size_t *size)
{
    static const uint8_t nasty[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '\n', '"'};
    unsigned edits = 1 + (unsigned)(next_random() % 8);
    while (edits-- > 0 && *size > 0) {
        size_t at = next_random() % *size;
        size_t left = *size - at;
        switch (next_random() % 5) {
        case 0:
        case 1:
            data[at] ^= (uint8_t)(1u << next_random() % 8);
            break;
        case 2:
            data[at] = nasty[next_random() % sizeof nasty];
            break;
        case 3: { /* take a piece out */
            size_t n = 1 + next_random() % (left < 16 ? left : 16);
            memmove(data + at, data + at + n, left - n);
            *size -= n;
            break;
        }
        default: { /* double a piece over what follows */
            size_t n = 1 + next_random() % (left < 32 ? left : 32);
            memmove(data + at, data + next_random() % (*size - n + 1), n);
            break;
        }
        }
    }
}

static unsigned replay(const char *path, unsigned rounds)
{
    static uint8_t seed[SEED_MAX], work[SEED_MAX];
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t size = fread(seed, 1, sizeof seed, f);
    fclose(f);
    snprintf(running, sizeof running, "%s, whole", path);
    run(seed, size);
    size_t step = size / CUTS_MAX + 1;
    unsigned runs = 1;
    for (size_t cut = 0; cut < size; cut += step, runs++) {
        snprintf(running, sizeof running, "%s, first %zu bytes", path, cut);
        run(seed, cut);
    }
    random_state = 0x9e3779b97f4a7c15u;
    for (unsigned i = 0; i < rounds; i++, runs++) {
        size_t n = size;
        memcpy(work, seed, size);
        snprintf(running, sizeof running, "%s, damaged, round %u", path, i);
        damage(work, &n);
        run(work, n);
    }
    return runs;
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    if (argc != 2) {
        fprintf(stderr, "usage: %s SEED_FOLDER\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(note_crash);
    } else {
        signal(SIGSEGV, on_signal);
        signal(SIGBUS, on_signal);
        signal(SIGABRT, on_signal);
        signal(SIGFPE, on_signal);
    }
    const char *text = getenv("FUZZ_ROUNDS");
    unsigned rounds = text ? (unsigned)strtoul(text, NULL, 10) : 200;
    int n = scandir(argv[1], &entries, is_seed, alphasort);
    if (n <= 0 || n > SEEDS_MAX) {
        printf("1..1\nnot ok 1 - no seeds in %s\n", argv[1]);
        return 1;
    }
    printf("1..%d\n", n);
    bool good = true;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        unsigned runs = replay(path, rounds);
        good = good && runs > 0;
        printf("%s %d - %s: %u inputs\n", runs ? "ok" : "not ok", i + 1, entries[i]->d_name, runs);
        free(entries[i]);
    }
    free(entries);
    return good ? 0 : 1;
}
