/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "mediad/video/composer-private.h"

static Output *find_output(const MdComposer *composer, uint32_t id)
{
    if (!id)
        return NULL;
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        Output *output = atomic_load_explicit(&composer->outputs[i], memory_order_acquire);
        if (!output)
            return NULL;
        if (atomic_load_explicit(&output->id, memory_order_acquire) == id)
            return output;
    }
    return NULL;
}

/* --- canvas's job: nothing of this output is pending then --- */

static bool key_due(const Output *output, int64_t now_us)
{
    return atomic_load(&output->key_wanted) &&
           (!output->had_key || now_us - output->key_us >= KEY_INTERVAL_US);
}

bool md_composer_output_due(const Output *output, const ViewCanvas *canvas)
{
    if (!output->had_key || key_due(output, canvas->tick_us))
        return true;
    /* an output slower than its canvas takes every n-th picture, evenly */
    if (canvas->ticks * output->spec.fps / canvas->fps ==
        (canvas->ticks - 1) * output->spec.fps / canvas->fps)
        return false;
    return canvas->tick_us - canvas->changed_us < QUIET_FULL_RATE_US ||
           output->encoded_us < canvas->changed_us ||
           canvas->tick_us - output->encoded_us >= QUIET_INTERVAL_US;
}

/* --- job --- */

static bool prepare(Output *output)
{
    const MdComposerOutput *spec = &output->spec;
    uint32_t bitrate = atomic_load(&output->bitrate_bps);
    MdEncoderOptions options = {
        .codec = spec->codec,
        .width = spec->width,
        .height = spec->height,
        .fps = spec->fps,
        .bitrate_bps = bitrate,
        .max_payload = spec->max_payload,
    };
    if (!output->encoder && md_encoder_new(&options, &output->encoder) < 0)
        return false;
    if (bitrate != output->applied_bps && md_encoder_set_bitrate(output->encoder, bitrate) < 0) {
        md_encoder_free(output->encoder);
        output->encoder = NULL;
        return false;
    }
    output->applied_bps = bitrate;
    return true;
}

static MdFrame *encode(Output *output)
{
    MdComposer *composer = output->composer;
    int64_t tick_us = output->canvas->tick_us, begun = md_composer_cpu_us();
    bool key = key_due(output, tick_us);
    MdFrame *frame = NULL;
    output->encoded_us = tick_us;
    if (key)
        atomic_store(&output->key_wanted, false);
    if (prepare(output))
        md_encoder_encode(output->encoder, md_composer_canvas_planes(output->canvas), key, &frame);
    count_stat(composer, encode_us, md_composer_cpu_us() - begun);
    if (!frame) {
        if (key)
            atomic_store(&output->key_wanted, true);
        return NULL;
    }
    if (frame->key) {
        output->had_key = true;
        output->key_us = tick_us;
    }
    frame->time_us = tick_us;
    frame->rtp_ts = (uint32_t)((uint64_t)tick_us * 9 / 100);
    count_stat(composer, frames_encoded, 1);
    return frame;
}

static void clean_up(Output *output)
{
    md_encoder_free(output->encoder);
    output->encoder = NULL;
    atomic_store_explicit(&output->slot, SLOT_FREE, memory_order_release);
}

static void run_output(MdPictureJob *job, void *user)
{
    Output *output = user;
    MdComposer *composer = output->composer;
    if (atomic_load(&composer->stopping))
        return;
    if (atomic_load(&output->pending)) {
        uint32_t id = atomic_load(&output->id);
        MdFrame *frame = id ? encode(output) : NULL;
        atomic_store(&output->pending, false);
        md_composer_canvas_encoded(
            output->canvas); /* the next picture may be drawn while this one is handed out */
        if (frame && composer->events.on_frame)
            composer->events.on_frame(id, frame, composer->user);
        md_frame_unref(frame);
    }
    if (atomic_load(&output->slot) == SLOT_DYING)
        clean_up(output);
}

/* --- control --- */

static Output *new_slot(MdComposer *composer)
{
    Output *output = calloc(1, sizeof(*output));
    if (output) {
        output->composer = composer;
        md_picture_job_init(&output->job, &composer->queue, true, run_output, output);
    }
    return output;
}

void md_composer_output_free(Output *output)
{
    if (!output)
        return;
    md_encoder_free(output->encoder);
    free(output);
}

static int free_slot(MdComposer *composer, Output **ret)
{
    for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
        Output *output = atomic_load(&composer->outputs[i]);
        if (output && atomic_load_explicit(&output->slot, memory_order_acquire) != SLOT_FREE)
            continue;
        if (!output) {
            output = new_slot(composer);
            if (!output)
                return -ENOMEM;
            atomic_store_explicit(&composer->outputs[i], output, memory_order_release);
        }
        *ret = output;
        return 0;
    }
    return -ENOSPC;
}

static int attach(MdComposer *composer, uint32_t id, const MdComposerOutput *spec)
{
    Output *output = NULL;
    int r = find_output(composer, id) ? -EEXIST : free_slot(composer, &output);
    if (r < 0)
        return r;
    ViewCanvas *canvas = md_composer_canvas_for(composer, spec);
    if (!canvas)
        return -ENOSPC;
    output->spec = *spec;
    output->canvas = canvas;
    output->applied_bps = spec->bitrate_bps;
    output->had_key = false;
    output->key_us = output->encoded_us = 0;
    atomic_store(&output->bitrate_bps, spec->bitrate_bps);
    atomic_store(&output->key_wanted, true);
    atomic_store(&output->pending, false);
    atomic_store(&output->slot, SLOT_LIVE);
    atomic_store_explicit(&output->id, id, memory_order_release);
    md_composer_canvas_add(canvas, output);
    md_composer_refresh_shown(composer);
    return 0;
}

int md_composer_add_output(MdComposer *composer, uint32_t id, const MdComposerOutput *spec)
{
    MdEncoderOptions options = {
        .codec = spec->codec,
        .width = spec->width,
        .height = spec->height,
        .fps = spec->fps,
        .bitrate_bps = spec->bitrate_bps,
        .max_payload = spec->max_payload,
    };
    if (!id || !spec->view || !md_encoder_options_valid(&options))
        return -EINVAL;
    pthread_mutex_lock(&composer->lock);
    int r = attach(composer, id, spec);
    pthread_mutex_unlock(&composer->lock);
    return r;
}

void md_composer_remove_output(MdComposer *composer, uint32_t id)
{
    pthread_mutex_lock(&composer->lock);
    Output *output = find_output(composer, id);
    if (output) {
        atomic_store(&output->id, 0);
        md_composer_canvas_remove(output->canvas, output);
        atomic_store(&output->slot, SLOT_DYING);
        md_picture_job_submit(&output->job);
        md_composer_refresh_shown(composer);
    }
    pthread_mutex_unlock(&composer->lock);
}

int md_composer_set_output_bitrate(MdComposer *composer, uint32_t id, uint32_t bitrate_bps)
{
    Output *output = find_output(composer, id);
    if (!output)
        return -ENOENT;
    if (bitrate_bps < MD_ENCODER_BITRATE_MIN || bitrate_bps > MD_ENCODER_BITRATE_MAX)
        return -EINVAL;
    atomic_store(&output->bitrate_bps, bitrate_bps);
    return 0;
}

void md_composer_request_key(MdComposer *composer, uint32_t id)
{
    Output *output = find_output(composer, id);
    if (output)
        atomic_store(&output->key_wanted, true);
}
