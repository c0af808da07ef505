// SPDX-License-Identifier: GPL-3.0-or-later
// After a build: packs each file beside itself (FILE.gz), prints what the first view of each page weighs packed, and fails above the limit.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const limit = 300 * 1024;
const at = process.argv.indexOf('--outDir');
const dist = at > 0 ? process.argv[at + 1] : 'dist';
const packed = new Map();

function pack(folder, prefix) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) pack(path, `${prefix}${name}/`);
    else if (/\.(js|css|html|svg|json)$/.test(name) && !prefix.startsWith('.')) {
      const gz = gzipSync(readFileSync(path), { level: 9 });
      writeFileSync(`${path}.gz`, gz);
      packed.set(prefix + name, gz.length);
    }
  }
}
pack(dist, '');

const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));
function files(key, into) {
  const chunk = manifest[key];
  if (!chunk || into.has(chunk.file)) return into;
  into.add(chunk.file);
  (chunk.css ?? []).forEach((css) => into.add(css));
  (chunk.imports ?? []).forEach((other) => files(other, into));
  return into;
}
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
let heaviest = 0;
for (const key of [entry, ...Object.keys(manifest).filter((k) => /^src\/pages\//.test(k) && manifest[k].isDynamicEntry)]) {
  const all = files(key, files(entry, new Set(['index.html'])));
  const bytes = [...all].reduce((sum, file) => sum + (packed.get(file) ?? 0), 0);
  heaviest = Math.max(heaviest, bytes);
  console.log(`${(bytes / 1024).toFixed(0).padStart(6)} kB  ${key === entry ? 'the frame alone' : key}${bytes > limit ? '   TOO HEAVY' : ''}`);
}
if (heaviest > limit) {
  console.error(`build-check: a first view weighs more than ${limit / 1024} kB packed: split it, or load the heavy part later`);
  process.exit(1);
}
