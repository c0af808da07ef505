// SPDX-License-Identifier: GPL-3.0-or-later
// node meet.mjs URL: a page in Chromium joins the meeting; what it hears and sees is told as one JSON line a step.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { until as wait } from './tell.mjs'

const [url] = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'chromium-'))
const context = await chromium.launchPersistentContext(dir, {
  executablePath: '/usr/bin/chromium', headless: true, permissions: ['camera', 'microphone'],
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns'],
})
const page = await context.newPage()
page.on('console', (m) => console.error(m.text()))
const tell = (step, data) => console.log(JSON.stringify({ step, ...data }))

const until = (what, fn) => wait(`timed out: ${what}`, async () => ({ ok: await fn() }), 15000, () => page.evaluate('JSON.stringify([state(), picture(), tone(440)])'))
const connected = () => until('connected', () => page.evaluate("state() === 'connected'"))
const hears = () => until('the tone of 440 Hz', () => page.evaluate('tone(440) > 30'))
const sees = () => until('a picture', () => page.evaluate('picture().width >= 320 && picture().spread > 8'))

try {
  await page.goto(url)
  const hello = { room: 'hop', name: 'Trang thử', pin: '1234' }
  const first = await page.evaluate((h) => join(h), hello)
  await connected()
  await hears()
  await sees()
  tell('met', { member: first.member, picture: await page.evaluate('picture()') })
  const dark = await page.evaluate('lower()')
  const chosen = await page.evaluate((id) => view('single', [id]), first.member)
  await until('its own camera all over the picture', () => page.evaluate('lower().every((mean) => mean > 40)'))
  tell('chosen', { answer: chosen, dark, light: await page.evaluate('lower()') })
  const byChair = await page.evaluate("told('view.changed')")
  tell('by-chair', { data: byChair, refused: await page.evaluate("view('pip')") })
  const back = await page.evaluate("told('view.changed')")
  tell('back', { data: back, unknown: await page.evaluate("view('single', ['m999'])") })
  const [before, after] = await page.evaluate('restart()')
  await connected()
  await until('packets on the new path', () => page.evaluate('received()').then((bytes) => bytes > 10000))
  await hears()
  tell('restarted', { before, after })
  const began = Date.now()
  await page.reload()
  const again = await page.evaluate((h) => join({ ...h, resume: sessionStorage.resume }), hello)
  await connected()
  await hears()
  tell('reloaded', { member: again.member, ms: Date.now() - began })
  await page.evaluate('bye()')
} finally {
  await context.close()
  rmSync(dir, { recursive: true, force: true })
}
