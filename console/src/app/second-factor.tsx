// SPDX-License-Identifier: GPL-3.0-or-later
// Asks for a one-time code when the server wants one; the session is unlocked for five minutes then.
import { Input, Modal } from 'antd';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { call, setCodeAsker } from './api';
import { asFailure, type Failure } from './failure';
import { t } from './i18n';
import { Button } from '../ui/button';
import { Field } from '../ui/field';
import { Wrong } from '../ui/wrong';

export function SecondFactorPrompt() {
  const [open, setOpen] = useState(false);
  const [code, setCode] = useState('');
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const waiting = useRef<((ok: boolean) => void)[]>([]);

  const done = (ok: boolean) => {
    setOpen(false);
    setCode('');
    setFailure(null);
    waiting.current.splice(0).forEach((answer) => answer(ok));
  };
  useEffect(() => {
    setCodeAsker(() => new Promise((answer) => {
      waiting.current.push(answer);
      setOpen(true);
    }));
    return () => setCodeAsker(null);
  }, []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await call('POST', '/session/second-factor', { code: code.replace(/\s/g, '') }, { quiet: true });
      done(true);
    } catch (error) {
      setFailure(asFailure(error));
      setCode('');
    }
    setBusy(false);
  };
  return (
    <Modal open={open} title={t('factor.askTitle')} onCancel={() => done(false)} footer={null} destroyOnHidden zIndex={2100}>
      <form onSubmit={(e) => void send(e)}>
        <p>{t('factor.askWhy')}</p>
        <Field label={t('factor.code')} hint={t('factor.codeHint')}>
          {(id) => <Input id={id} name="otp" autoFocus required size="large" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(e) => setCode(e.target.value)} />}
        </Field>
        {failure && <Wrong failure={failure} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={() => done(false)}>{t('cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy}>{t('factor.confirm')}</Button>
        </div>
      </form>
    </Modal>
  );
}
