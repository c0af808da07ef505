/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exchange: the link to the central system, the journal of messages */
#include "mediactl/ctl.h"

int ctl_cmd_exchange_status(Ctl *ctl, const Args *args)
{
    return ctl_show(ctl, "/exchange",
                    "configured:Central system set,logged_in:Logged in,fault:Fault,last_ok_us:Last answer,waiting:Waiting,on_their_way:On their way,"
                    "given_up:Given up,acknowledged:Acknowledged,failed:Tries that failed,dropped:Statuses dropped,duplicates:Known already");
}

int ctl_cmd_exchange_journal(Ctl *ctl, const Args *args)
{
    static const char *const names[] = {"peer", "state", "limit"};
    g_autoptr(GString) path = g_string_new("/exchange/journal");

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = args_option(args, names[i]);
        g_autofree char *escaped = value ? g_uri_escape_string(value, NULL, FALSE) : NULL;
        if (escaped)
            g_string_append_printf(path, "%c%s=%s", path->len == 17 ? '?' : '&', names[i], escaped);
    }
    return ctl_list(ctl, path->str, "messages",
                    "id:Id,changed_us:Changed,peer:With,direction:Direction,object:What,state:State,tries:Tries,next_us:Next try,answer:Answer",
                    "The journal is empty.\n  next: mediactl exchange");
}

int ctl_cmd_exchange_show(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/exchange/journal/%s", args_word(args, 0));

    return ctl_show(ctl, path, "id:Id,peer:With,direction:Direction,object:What,state:State,tries:Tries,next_us:Next try,made_us:Made,"
                               "changed_us:Changed,answer:Answer,body:Body");
}

int ctl_cmd_exchange_replay(Ctl *ctl, const Args *args)
{
    g_autofree char *path = ctl_path("/exchange/journal/%s/replay", args_word(args, 0));

    return ctl_do(ctl, "POST", path, NULL, "%s is sent once more.\n  next: mediactl exchange show %s", args_word(args, 0), args_word(args, 0));
}
