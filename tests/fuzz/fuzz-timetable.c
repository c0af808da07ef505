/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/quiet.h"
#include "broadcast/schedule-row.h"
#include "tests/fuzz/fuzz.h"

/* Lines of quiet hours, times, days and exdates, as the API takes them: what is taken says the same when it is written and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 512)
        return 0;
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 16);
    for (unsigned i = 0; lines[i]; i++) {
        BcQuietHours hours, again;
        int32_t day, same;
        int64_t from, to;
        unsigned left;
        if (bc_quiet_parse(lines[i], &hours)) {
            g_autofree char *written = bc_quiet_format(&hours);
            g_assert_true(bc_quiet_parse(written, &again) && again.from_s == hours.from_s && again.to_s == hours.to_s);
            for (unsigned second = 0; second < 86400; second += 613) {
                bc_quiet_is(&hours, second, &left);
                g_assert_cmpuint(left, >, 0);
                g_assert_cmpuint(left, <=, 86400);
            }
        }
        int time = bc_parse_time(lines[i]);
        g_assert_true(time >= -1 && time <= 86400);
        if (bc_parse_day(lines[i], &day)) {
            g_autofree char *written = bc_format_day(day);
            g_assert_true(bc_parse_day(written, &same) && same == day);
        }
        if (bc_exdate_span(lines[i], "Asia/Ho_Chi_Minh", &from, &to, NULL))
            g_assert_cmpint(to, >, from);
    }
    return 0;
}
