/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/level.h"
#include <math.h>
#include "mediad/audio/kernels.h"

enum { HANGOVER_TICKS = 15 };

float md_level_dbov(const float *pcm, unsigned n)
{
    float mean = n > 0 ? md_kernels()->energy(pcm, n) / (float)n : 0;
    if (!(mean > 1e-12f))
        return MD_LEVEL_SILENCE_DBOV;
    float db = 10.0f * log10f(mean);
    return db > 0 ? 0 : db < MD_LEVEL_SILENCE_DBOV ? MD_LEVEL_SILENCE_DBOV : db;
}

float md_db_to_gain(float db)
{
    return powf(10.0f, db / 20.0f);
}

void md_vad_init(MdVad *vad)
{
    *vad = (MdVad){.floor_dbov = -60};
}

bool md_vad_tick(MdVad *vad, float level_dbov)
{
    /* The floor falls at once to what is quieter and climbs 1.5 dB a second, at most to where speech starts. */
    if (level_dbov < vad->floor_dbov)
        vad->floor_dbov = level_dbov < -80 ? -80 : level_dbov;
    else if (vad->floor_dbov < -45)
        vad->floor_dbov += 0.03f;
    if (level_dbov > vad->floor_dbov + 9 && level_dbov > -55)
        vad->hangover_ticks = HANGOVER_TICKS;
    else if (vad->hangover_ticks > 0)
        vad->hangover_ticks--;
    vad->voiced = vad->hangover_ticks > 0;
    return vad->voiced;
}
