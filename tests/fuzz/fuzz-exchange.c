/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "broadcast/exchange/tables.h"
#include "tests/fuzz/fuzz.h"

static const char table[] =
    "code,priority,emergency,1\ncode,priority,normal,3\ncode,bulletin-kind,text,1\ncode,stop,skip,1\n"
    "field,head,source,NguonID,string\nfield,bulletin,,,include,head\nfield,bulletin,id,BanTinID,string,,yes\n"
    "field,bulletin,kind,LoaiBanTin,string,bulletin-kind\nfield,bulletin,priority,MucDoUuTien,string,priority\nfield,bulletin,length,ThoiLuong,string,@length\n"
    "field,bulletin,author,TacGia.TenDayDu|TacGia,string\nfield,bulletin,valid_to,NgayKetThuc,number,@time\nfield,bulletin,days,DanhSachNgayPhat,list,day\n"
    "field,day,day,TimNgayPhat,string,@day,yes\nfield,day,times,ThoiDiemPhat,list,time\nfield,time,begin,ThoiGianBatDau,number,@time,yes\n"
    "field,stop,devices,DanhSachThietBi.CumLoaID,texts\nfield,stop,action,ThamSo,string,stop,yes\n";

/* A message of another system, or a table as an operator might write it. What was read can be written and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static BcExTables *tables;
    static const char *const objects[] = {"bulletin", "stop"};
    g_autofree char *text = g_memdup2(data, size + !size);
    if (!tables)
        tables = bc_ex_tables_parse(table, strlen(table), "table", NULL);
    g_assert_nonnull(tables);
    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) list = bc_ex_read_list(tables, objects[i], text, size, &error);
        g_assert_true((list != NULL) == (error == NULL));
        for (unsigned k = 0; list && k < list->len; k++) {
            g_autofree char *wire = bc_ex_write_text(tables, objects[i], list->pdata[k], NULL);
            g_autoptr(JsonObject) again = wire ? bc_ex_read_text(tables, objects[i], wire, strlen(wire), &error) : NULL;
            g_assert_true(!wire || again);
        }
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(BcExTables) other = bc_ex_tables_parse(text, size, "table", &error);
    g_assert_true((other != NULL) == (error == NULL));
    return 0;
}
