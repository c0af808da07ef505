/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/store/store.h"

extern const MdMigration bc_device_link_migrations[]; /* numbers 320..329 */
extern const unsigned bc_n_device_link_migrations;
