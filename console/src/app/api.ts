// SPDX-License-Identifier: GPL-3.0-or-later
// Calls to /api/v1. The session is a cookie that this code cannot see; what changes something shows the value the server gave for it.
import { Failure, failureFrom, isSecondFactor } from './failure';

export const PREFIX = '/api/v1';

let csrf = '';
let askCode: (() => Promise<boolean>) | null = null;
let onSignedOut: (() => void) | null = null;

export function setCsrf(value: string | undefined): void {
  csrf = value ?? '';
}
/** Who asks for a one-time code: resolves to true when the session is unlocked. */
export function setCodeAsker(ask: (() => Promise<boolean>) | null): void {
  askCode = ask;
}
export function setSignedOut(fn: (() => void) | null): void {
  onSignedOut = fn;
}

type Options = { raw?: BodyInit; type?: string; signal?: AbortSignal; text?: boolean; blob?: boolean; quiet?: boolean };

async function once(method: string, path: string, body: unknown, options: Options): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.raw !== undefined) headers['Content-Type'] = options.type ?? 'application/octet-stream';
  try {
    return await fetch(PREFIX + path, {
      method, headers, credentials: 'same-origin', signal: options.signal,
      body: options.raw ?? (body === undefined ? undefined : JSON.stringify(body)),
    });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new Failure(0, 'no-connection', (error as Error).message, '', `${method} ${path}`);
  }
}

/** Throws a Failure. A one-time code that is wanted is asked for, and the call is made once more. */
export async function call<T>(method: string, path: string, body?: unknown, options: Options = {}): Promise<T> {
  const where = `${method} ${path}`;
  for (let attempt = 0; ; attempt++) {
    const response = await once(method, path, body, options);
    if (response.ok) {
      if (response.status === 204) return undefined as T;
      if (options.blob) return (await response.blob()) as T;
      if (options.text) return (await response.text()) as T;
      const text = await response.text();
      return (text ? JSON.parse(text) : undefined) as T;
    }
    const failure = failureFrom(response.status, await response.text().catch(() => ''), response.statusText, where);
    if (failure.status === 401 && failure.code === 'not-signed-in') onSignedOut?.();
    if (attempt === 0 && isSecondFactor(failure.code) && askCode && !options.quiet) {
      if (await askCode()) continue;
      throw new Failure(0, 'cancelled', '', '', where);
    }
    throw failure;
  }
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>('GET', path, undefined, { signal });
export const post = <T>(path: string, body?: unknown): Promise<T> => call<T>('POST', path, body);
export const put = <T>(path: string, body?: unknown): Promise<T> => call<T>('PUT', path, body);
export const patch = <T>(path: string, body?: unknown): Promise<T> => call<T>('PATCH', path, body);
export const remove = (path: string): Promise<void> => call<void>('DELETE', path);
export const upload = <T>(path: string, raw: Blob): Promise<T> => call<T>('POST', path, undefined, { raw, type: raw.type.split(';')[0] || undefined });
/** A large file: how much of it is there (0 to 1) is told as it goes; an aborted one throws AbortError. */
export function uploadShown<T>(path: string, raw: Blob, shown: (share: number) => void, signal: AbortSignal): Promise<T> {
  const where = `POST ${path}`;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', PREFIX + path);
    request.setRequestHeader('X-CSRF-Token', csrf);
    request.setRequestHeader('Content-Type', raw.type.split(';')[0] || 'application/octet-stream');
    request.upload.onprogress = (event) => { if (event.lengthComputable) shown(event.loaded / event.total); };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(JSON.parse(request.responseText) as T);
      const failure = failureFrom(request.status, request.responseText, request.statusText, where);
      if (failure.status === 401 && failure.code === 'not-signed-in') onSignedOut?.();
      reject(failure);
    };
    request.onerror = () => reject(new Failure(0, 'no-connection', '', '', where));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(raw);
  });
}
/** A path part: ids may hold anything. */
export const seg = (id: string): string => encodeURIComponent(id);
