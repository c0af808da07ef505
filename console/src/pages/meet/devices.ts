// SPDX-License-Identifier: GPL-3.0-or-later
// Camera, microphone and loudspeaker of this computer or telephone.
export type DeviceTrouble = 'denied' | 'none' | 'busy' | 'insecure' | 'wants' | 'other';

/** What getUserMedia's errors mean for the person in front of it. */
export function troubleOf(error: { name?: string } | null, secure: boolean): DeviceTrouble {
  if (!secure) return 'insecure';
  switch (error?.name) {
    case 'NotAllowedError': case 'SecurityError': case 'PermissionDeniedError': return 'denied';
    case 'NotFoundError': case 'DevicesNotFoundError': return 'none';
    case 'NotReadableError': case 'AbortError': case 'TrackStartError': return 'busy';
    case 'OverconstrainedError': return 'wants';
    default: return 'other';
  }
}

export type Chosen = { microphone: string; camera: string; speaker: string };
const KEPT = 'mediad.devices';
export function keptDevices(): Chosen {
  try { return { microphone: '', camera: '', speaker: '', ...(JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Partial<Chosen>) }; } catch { return { microphone: '', camera: '', speaker: '' }; }
}
export function keepDevices(chosen: Chosen): void {
  try { localStorage.setItem(KEPT, JSON.stringify(chosen)); } catch { /* a browser that keeps nothing */ }
}

const audioOf = (id: string): MediaTrackConstraints => ({ echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: { ideal: id } } : {}) });
const videoOf = (id: string): MediaTrackConstraints => ({ width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 }, ...(id ? { deviceId: { ideal: id } } : { facingMode: 'user' }) });

/** Both if possible, else what there is; the trouble says what is missing and why. */
export async function openDevices(chosen: Chosen): Promise<{ stream: MediaStream | null; sound: DeviceTrouble | null; picture: DeviceTrouble | null }> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (!media?.getUserMedia) return { stream: null, sound: 'insecure', picture: 'insecure' };
  try {
    return { stream: await media.getUserMedia({ audio: audioOf(chosen.microphone), video: videoOf(chosen.camera) }), sound: null, picture: null };
  } catch { /* one of them is missing: each by itself */ }
  const [sound, picture] = await Promise.allSettled([media.getUserMedia({ audio: audioOf(chosen.microphone) }), media.getUserMedia({ video: videoOf(chosen.camera) })]);
  const tracks = [sound, picture].flatMap((x) => (x.status === 'fulfilled' ? x.value.getTracks() : []));
  const why = (x: PromiseSettledResult<MediaStream>) => (x.status === 'rejected' ? troubleOf(x.reason as Error, window.isSecureContext) : null);
  return { stream: tracks.length ? new MediaStream(tracks) : null, sound: why(sound), picture: why(picture) };
}

/** Tracks that ended by themselves are opened anew and take their places in the stream; use is told each new one. */
export async function reopenEnded(stream: MediaStream, use: (track: MediaStreamTrack) => void): Promise<void> {
  const ended = stream.getTracks().filter((x) => x.readyState === 'ended');
  if (!ended.length) return;
  const fresh = (await openDevices(keptDevices())).stream?.getTracks() ?? [];
  for (const track of fresh) {
    const old = ended.find((x) => x.kind === track.kind && stream.getTracks().includes(x)); /* not replaced meanwhile */
    if (!old) { track.stop(); continue; }
    track.enabled = old.enabled;
    stream.removeTrack(old);
    stream.addTrack(track);
    use(track);
  }
}

/** 0 … 1 from what an analyser shows, on a scale people read: -60 dB is nothing, 0 dB all. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const x of samples) sum += x * x;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (db + 60) / 60));
}

let context: AudioContext | null = null;
const audio = (): AudioContext => {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume();
  return context;
};

/** Calls fn with the level about 15 times a second. Returns how to stop. */
export function meter(stream: MediaStream, fn: (level: number) => void): () => void {
  if (!stream.getAudioTracks().length) return () => undefined;
  const source = audio().createMediaStreamSource(new MediaStream(stream.getAudioTracks())), analyser = audio().createAnalyser();
  const samples = new Float32Array(analyser.fftSize = 1024);
  source.connect(analyser);
  const timer = window.setInterval(() => { analyser.getFloatTimeDomainData(samples); fn(levelOf(samples)); }, 66);
  return () => { window.clearInterval(timer); source.disconnect(); };
}

/** Two tones, one second, out of the chosen loudspeaker where the browser lets one choose. */
export async function testTone(speaker: string): Promise<void> {
  const ctx = audio(), out = ctx.createMediaStreamDestination(), gain = ctx.createGain();
  gain.gain.value = 0.25;
  gain.connect(out);
  [523, 659].forEach((hz, i) => {
    const tone = ctx.createOscillator();
    tone.frequency.value = hz;
    tone.connect(gain);
    tone.start(ctx.currentTime + i * 0.5);
    tone.stop(ctx.currentTime + i * 0.5 + 0.45);
  });
  const player = new Audio();
  player.srcObject = out.stream;
  await useSpeaker(player, speaker);
  await player.play();
  await new Promise((done) => window.setTimeout(done, 1100));
  player.srcObject = null;
}

export async function useSpeaker(element: HTMLMediaElement, speaker: string): Promise<void> {
  const sink = element as HTMLMediaElement & { setSinkId?: (id: string) => Promise<void> };
  if (speaker && sink.setSinkId) await sink.setSinkId(speaker).catch(() => undefined);
}
