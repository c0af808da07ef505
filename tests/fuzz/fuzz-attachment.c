/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/bulletin/attachment.h"
#include "tests/fuzz/fuzz.h"

/* Files as anybody uploads them: either known and within limits, or refused with a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BcSniff s = {0};
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *exact = g_memdup2(data, size); /* no byte beyond it */
    if (!bc_sniff(exact, size, &s, &error)) {
        g_assert_nonnull(error);
        return 0;
    }
    g_assert_nonnull(s.media_type);
    g_assert_nonnull(bc_attachment_kind_to_string(s.kind));
    g_assert_cmpuint(s.width, <=, BC_IMAGE_SIDE_MAX);
    g_assert_cmpuint(s.height, <=, BC_IMAGE_SIDE_MAX);
    return 0;
}
