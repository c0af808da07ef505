// SPDX-License-Identifier: GPL-3.0-or-later
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  // Nothing is inlined: the server's content security policy allows files of its own only.
  build: { target: 'es2021', manifest: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false, chunkSizeWarningLimit: 2000 },
  server: { proxy: { '/api': { target: process.env.MEDIAD_URL ?? 'https://127.0.0.1:8443', secure: false, ws: true } } },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
});
