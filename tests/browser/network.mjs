// SPDX-License-Identifier: GPL-3.0-or-later
// node network.mjs BASE4 BASE6 HERTZ PATIENCE: the console's page in Chromium, steered by JSON lines on stdin, one JSON line back for each.
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const [base4, base6, hertz, patience = '1'] = process.argv.slice(2)
const long = 15000 * Number(patience)
/** camera: one that is granted without a question; else nobody grants it, and Chromium tells names instead of addresses. */
const launch = (camera) => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--autoplay-policy=no-user-gesture-required', ...(camera ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : [])],
})
const browser = await launch(true)
let context, page, other

/** What this machine is made to lack, and what the test looks at: candidates both ways. */
function prepare({ relay, direct }) {
  window.seen = { told: [], own: [] }
  const Real = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Real {
    constructor(config) {
      super({ ...config, ...(relay ? { iceTransportPolicy: 'relay' } : {}), ...(direct ? { iceServers: [] } : {}) })
      this.addEventListener('icecandidate', ({ candidate }) => candidate?.candidate && window.seen.own.push(candidate.candidate))
    }
    addIceCandidate(one) {
      const [, , , , host, , , kind] = one.candidate.split(' ')
      window.seen.told.push([kind, host])
      return super.addIceCandidate(one)
    }
    setRemoteDescription(description) {
      for (const [line] of description.sdp.matchAll(/^a=candidate:.*$/gm)) {
        const [, , , , host, , , kind] = line.split(' ')
        window.seen.told.push([kind, host])
      }
      return super.setRemoteDescription(description)
    }
  }
}

const pairOf = () => page.evaluate(async () => {
  const stats = await window.mediadCall.pc.getStats()
  for (const one of stats.values()) {
    if (one.type !== 'transport' || !one.selectedCandidatePairId) continue
    const pair = stats.get(one.selectedCandidatePairId), local = stats.get(pair.localCandidateId), remote = stats.get(pair.remoteCandidateId)
    return { local: local.candidateType, protocol: local.protocol, localAddress: local.address, localPort: local.port, remote: remote.candidateType, remoteAddress: remote.address, remotePort: remote.port }
  }
  return null
})
/** Does the tone of the room stand out of what is heard, within that time? Chromium's own microphone beeps elsewhere. */
const heard = (ms = long) => page.evaluate(async ({ ms, hz }) => {
  const ctx = new AudioContext(), analyser = ctx.createAnalyser(), bins = new Float32Array(analyser.frequencyBinCount), end = Date.now() + ms
  ctx.createMediaStreamSource(window.mediadCall.state.sound).connect(analyser)
  const at = (f) => bins[Math.round((f * analyser.fftSize) / ctx.sampleRate)]
  let is = false
  while (!is && Date.now() < end) {
    await new Promise((done) => setTimeout(done, 50))
    analyser.getFloatFrequencyData(bins)
    is = at(hz) > -50 && at(hz) > Math.max(at(hz * 0.8), at(hz * 1.2)) + 20
  }
  void ctx.close()
  return is
}, { ms, hz: Number(hertz) })

async function leave() {
  await page?.evaluate(() => window.mediadCall?.leave())
  await context?.close()
  await other?.close()
  page = context = other = null
}

const does = {
  async join(order) {
    await leave()
    other = order.camera === false ? await launch(false) : null
    context = await (other ?? browser).newContext({ ignoreHTTPSErrors: true, viewport: { width: 1024, height: 700 } })
    page = await context.newPage()
    page.on('pageerror', (error) => console.log(`page: ${error.message}`))
    await page.addInitScript(prepare, { relay: order.relay, direct: order.direct })
    await page.goto(`${order.base === 6 ? base6 : base4}/join/hop`)
    await page.locator('input[name=name]').fill('Trang thử')
    await page.locator('button.door-go').click()
    await page.locator('form.card input').fill('1234')
    const began = Date.now()
    await page.locator('form.card button[type=submit]').click()
    await page.waitForFunction(() => window.mediadCall?.state.media === 'up', null, { timeout: long })
    const ms = Date.now() - began, sound = await heard()
    const seen = await page.evaluate(() => window.seen)
    return { ms, heard: sound, pair: await pairOf(), told: seen.told, hosts: seen.own.filter((line) => / typ host/.test(line)).map((line) => line.split(' ')[4]), member: await page.evaluate(() => window.mediadCall.state.member), host: new URL(page.url()).host }
  },
  /** Sound from that address of ours: bytes come in over a pair that has it. */
  async back({ addresses }) {
    const began = Date.now()
    for (;;) {
      const pair = await pairOf().catch(() => null)
      const state = await page.evaluate(() => ({ phase: window.mediadCall.state.phase, media: window.mediadCall.state.media, member: window.mediadCall.state.member }))
      if (addresses.includes(pair?.localAddress) && state.media === 'up' && state.phase === 'in' && (await heard(1000))) return { ...state, pair, ms: Date.now() - began }
      if (Date.now() - began > long) throw new Error(`not back: ${JSON.stringify([state, pair])}`)
      await page.waitForTimeout(50)
    }
  },
  /** The credentials are past their time, as after hours in a meeting: what is asked for before the ICE restart are good ones. */
  async expired() {
    const began = Date.now(), former = await pairOf()
    const before = await page.evaluate(() => {
      const call = window.mediadCall, config = call.pc.getConfiguration()
      call.pc.setConfiguration({ ...config, iceServers: config.iceServers.map((x) => ({ ...x, credential: 'past' })) })
      call.serversMs = 1000
      call.serversAt = Date.now() - 60000
      void call.restartIce()
      return config.iceServers.map((x) => x.username).find((x) => x)
    })
    for (;;) {
      const pair = await pairOf().catch(() => null)
      if (pair && pair.localPort !== former.localPort && (await heard(1000))) {
        const username = await page.evaluate(() => window.mediadCall.pc.getConfiguration().iceServers.map((x) => x.username).find((x) => x))
        return { before, username, pair, former, ms: Date.now() - began }
      }
      if (Date.now() - began > long) throw new Error(`no way by fresh credentials: ${JSON.stringify([former, pair])}`)
      await page.waitForTimeout(50)
    }
  },
  async leave() {
    await leave()
    return {}
  },
  async end() {
    await browser.close()
    return {}
  },
}

console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  try {
    console.log(JSON.stringify({ done: order.do, ...(await does[order.do](order)) }))
  } catch (error) {
    console.log(JSON.stringify({ failed: error.message }))
  }
  if (order.do === 'end') break
}
process.exit(0)
