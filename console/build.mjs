// SPDX-License-Identifier: GPL-3.0-or-later
// npm run build [-- --outDir FOLDER]: the pages, then what they weigh.
import { spawnSync } from 'node:child_process';

const rest = process.argv.slice(2);
for (const [file, ...args] of [['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn', ...rest], ['build-check.mjs', ...rest]]) {
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
