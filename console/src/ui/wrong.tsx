// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong, where, and how to mend it: in the reader's language first, in the server's own words below.
import { Alert, App, Button } from 'antd';
import { useCallback, useRef, useState } from 'react';
import { catalogue, type Key } from '../app/catalogue';
import { asFailure, type Failure } from '../app/failure';
import { t } from '../app/i18n';

export function sayFailure(failure: Failure): { what: string; mend: string; detail: string } {
  if (failure.code === 'told') return { what: failure.message, mend: '', detail: '' };
  const known = `error.${failure.code}`, mend = `mend.${failure.code}`;
  const family = failure.status >= 500 ? 'error.server' : failure.status === 404 ? 'error.not-found' : 'error.other';
  const what = t((known in catalogue ? known : family) as Key);
  return {
    what,
    mend: mend in catalogue ? t(mend as Key) : '',
    detail: [failure.message, failure.hint].filter(Boolean).join(' – ') + (failure.where ? ` (${failure.where})` : ''),
  };
}

/** brief: without the server's own words, where the page itself shows what they say. */
export function Wrong({ failure, retry, brief }: { failure: Failure; retry?: () => void; brief?: boolean }) {
  const said = sayFailure(failure);
  return (
    <div role="alert" style={{ marginBottom: 12 }}>
      <Alert type="error" showIcon role="presentation" message={<b>{said.what}</b>} description={
        <>
          {said.mend && <div>{said.mend}</div>}
          {!brief && <div className="soft" lang="en">{said.detail}</div>}
          {retry && <Button style={{ marginTop: 8 }} onClick={retry}>{t('retry')}</Button>}
        </>
      } />
    </div>
  );
}

let last = 0;
const READ_MS = 8000; /* an error stays at least so long, whatever goes well meanwhile */

/** Does something that may fail, and says how it went; what was shown beforehand is taken back by undo. True: done. A confirmation goes by itself;
 * what went wrong stays until it is closed, or until the same part of the page has done something that went well and it could be read. about: which of
 * several things of that part it is (a row): what goes well with one takes no other's error away. */
export function useAct(): (work: () => Promise<unknown>, options?: { done?: string; undo?: () => void; about?: string }) => Promise<boolean> {
  const { notification, message } = App.useApp();
  const [part] = useState(() => `act${++last}`);
  const since = useRef(new Map<string, number>()); /* errors on show */
  return useCallback(async (work, options = {}) => {
    const key = `${part} ${options.about ?? ''}`;
    try {
      await work();
      const shown = since.current.get(key);
      if (shown !== undefined) window.setTimeout(() => {
        if (since.current.get(key) !== shown) return; /* another one since */
        since.current.delete(key);
        notification.destroy(key);
      }, Math.max(0, shown + READ_MS - Date.now()));
      if (options.done) void message.success(options.done);
      return true;
    } catch (error) {
      options.undo?.();
      const failure = asFailure(error);
      if (failure.code === 'cancelled') return false;
      const said = sayFailure(failure);
      since.current.set(key, Date.now());
      notification.error({
        key, message: said.what, duration: 0, role: 'alert', closable: { 'aria-label': t('close'), closeIcon: <span aria-hidden="true">✕</span> },
        description: <>{said.mend && <div>{said.mend}</div>}<div className="soft" lang="en">{said.detail}</div></>,
      });
      return false;
    }
  }, [part, message, notification]);
}
