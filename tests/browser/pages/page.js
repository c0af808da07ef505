// SPDX-License-Identifier: GPL-3.0-or-later
// The least page that joins a meeting; the test calls these by name.
const got = []
let pc, ws, audio
const waiters = new Set()

function waitFor(type, seconds = 10) {
  return new Promise((done, fail) => {
    const look = () => {
      const at = got.findIndex((m) => m.type === type)
      if (at < 0) return false
      waiters.delete(look)
      done(got.splice(at, 1)[0])
      return true
    }
    if (look()) return
    waiters.add(look)
    setTimeout(() => fail(new Error(`no ${type}; got ${JSON.stringify(got)}`)), seconds * 1000)
  })
}

window.join = async (hello) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } })
  ws = new WebSocket(`ws://${location.host}/api/v1/join`, ['mediad.join.1'])
  await new Promise((done, fail) => { ws.onopen = done; ws.onerror = () => fail(new Error('no WebSocket')) })
  ws.onmessage = (event) => {
    const message = JSON.parse(event.data)
    if (message.type === 'candidate') {
      if (message.candidate) pc.addIceCandidate({ candidate: message.candidate, sdpMid: message.mid })
      return
    }
    got.push(message)
    for (const look of [...waiters]) look()
  }
  ws.send(JSON.stringify({ type: 'hello', ...hello }))
  const welcome = await waitFor('welcome')
  sessionStorage.resume = welcome.resume
  pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  for (const track of stream.getTracks()) pc.addTrack(track, stream)
  const remote = new MediaStream()
  pc.ontrack = (event) => remote.addTrack(event.track)
  pc.onicecandidate = ({ candidate }) => ws.send(JSON.stringify({ type: 'candidate', mid: candidate?.sdpMid ?? '', candidate: candidate?.candidate ?? '' }))
  await offer()
  document.getElementById('video').srcObject = remote
  const context = new AudioContext()
  audio = context.createAnalyser()
  audio.fftSize = 8192
  context.createMediaStreamSource(new MediaStream(remote.getAudioTracks())).connect(audio)
  return welcome
}

async function offer(options) {
  await pc.setLocalDescription(await pc.createOffer(options))
  ws.send(JSON.stringify({ type: 'offer', sdp: pc.localDescription.sdp }))
  await pc.setRemoteDescription({ type: 'answer', sdp: (await waitFor('answer')).sdp })
}
const ufrag = () => /a=ice-ufrag:(\S+)/.exec(pc.remoteDescription.sdp)[1]
// The server must have begun anew, too: its own ufrag before and after.
window.restart = async () => {
  const before = ufrag()
  await offer({ iceRestart: true })
  return [before, ufrag()]
}
// Bytes received over pairs that carry the present ufrag of the server.
window.received = async () => {
  let bytes = 0
  const now = ufrag(), stats = await pc.getStats()
  for (const pair of stats.values())
    if (pair.type === 'candidate-pair' && stats.get(pair.remoteCandidateId)?.usernameFragment === now) bytes += pair.bytesReceived
  return bytes
}
window.state = () => pc.connectionState

// How far the tone stands above the middle of the spectrum, dB.
window.tone = (hz) => {
  const bins = new Float32Array(audio.frequencyBinCount)
  audio.getFloatFrequencyData(bins)
  const at = Math.round((hz * audio.fftSize) / audio.context.sampleRate)
  const level = Math.max(...bins.slice(at - 1, at + 2))
  const sorted = [...bins].filter(Number.isFinite).sort((a, b) => a - b)
  return sorted.length ? level - sorted[sorted.length >> 1] : -1000
}
// Width, height and how different the pixels are: a grey or black picture has a spread near nothing.
window.picture = () => {
  const video = document.getElementById('video')
  if (!video.videoWidth) return { width: 0, spread: 0 }
  const canvas = new OffscreenCanvas(160, 90)
  const drawing = canvas.getContext('2d')
  drawing.drawImage(video, 0, 0, 160, 90)
  const data = drawing.getImageData(0, 0, 160, 90).data
  let sum = 0, squares = 0
  for (let i = 0; i < data.length; i += 4) { sum += data[i + 1]; squares += data[i + 1] ** 2 }
  const n = data.length / 4
  return { width: video.videoWidth, height: video.videoHeight, spread: Math.sqrt(squares / n - (sum / n) ** 2) }
}
async function take(fits, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    const at = got.findIndex(fits)
    if (at >= 0) return got.splice(at, 1)[0]
  }
  throw new Error(`not told; got ${JSON.stringify(got)}`)
}
window.told = async (event) => (await take((m) => m.type === 'event' && m.event === event)).data
// Chooses a picture of its own; the answer, whichever it is.
window.view = (layout, seats) => {
  ws.send(JSON.stringify({ type: 'view', layout, seats }))
  return take((m) => m.type === 'error' || (m.type === 'event' && m.event === 'view.changed'))
}
// Mean brightness of the lower half at the left and at the right: dark where nobody sits.
window.lower = () => {
  const drawing = new OffscreenCanvas(160, 90).getContext('2d')
  drawing.drawImage(document.getElementById('video'), 0, 0, 160, 90)
  const mean = (x) => drawing.getImageData(x, 55, 70, 30).data.reduce((sum, value, i) => (i % 4 === 1 ? sum + value : sum), 0) / (70 * 30)
  return [mean(5), mean(85)]
}
window.bye = () => ws.send(JSON.stringify({ type: 'bye' }))
