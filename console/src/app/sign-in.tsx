// SPDX-License-Identifier: GPL-3.0-or-later
import { Input } from 'antd';
import { useEffect, useState, type FormEvent } from 'react';
import { call, get, post } from './api';
import { asFailure, type Failure } from './failure';
import { t, useLanguage } from './i18n';
import type { Session } from './types';
import { Button } from '../ui/button';
import { Field } from '../ui/field';
import { Wrong } from '../ui/wrong';

const LONG_ENOUGH = 12;

export function LanguageSwitch() {
  const { language, setLanguage } = useLanguage();
  const other = language === 'vi' ? 'en' : 'vi';
  return <Button type="link" lang={other} onClick={() => setLanguage(other)}>{other === 'en' ? 'English' : 'Tiếng Việt'}</Button>;
}

export function SignIn({ signedIn }: { signedIn: (session: Session) => void }) {
  const [setUp, setSetUp] = useState(false);
  const [wantsCode, setWantsCode] = useState(false);
  const [form, setForm] = useState({ user: '', password: '', again: '', code: '', otp: '' });
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const [fresh, setFresh] = useState(false); /* a server without any account */
  useEffect(() => { void get<{ needed: boolean }>('/setup').then((r) => setFresh(r.needed), () => undefined); }, []);
  const bind = (name: keyof typeof form) => ({ value: form[name], onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }) });
  const differs = setUp && form.again !== '' && form.again !== form.password;

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (setUp && (differs || form.password.length < LONG_ENOUGH)) return;
    setBusy(true);
    setFailure(null);
    try {
      if (setUp) await post('/setup', { code: form.code.trim(), user: form.user.trim(), password: form.password });
      setSetUp(false);
      signedIn(await call<Session>('POST', '/session', {
        user: form.user.trim(), password: form.password, cookie: true, ...(form.otp ? { one_time_code: form.otp.replace(/\s/g, '') } : {}),
      }, { quiet: true }));
    } catch (error) {
      const why = asFailure(error);
      if (why.code === 'second-factor-needed' && !wantsCode) setWantsCode(true);
      else setFailure(why);
      setBusy(false);
    }
  };

  return (
    <main className="center">
      <form className="card" onSubmit={(e) => void send(e)}>
        <div className="row between" style={{ marginBottom: 16 }}>
          <div className="brand" style={{ padding: 0 }}><img src="/icon.svg" alt="" />{t('brand')}</div>
          <LanguageSwitch />
        </div>
        <h1 style={{ marginBottom: 14 }}>{setUp ? t('setup.title') : t('signIn.title')}</h1>
        {setUp && <p className="soft">{t('setup.explain')}</p>}
        {setUp && <Field label={t('setup.code')} hint={t('setup.codeHint')}>{(id) => <Input id={id} required autoComplete="off" {...bind('code')} />}</Field>}
        <Field label={t('signIn.user')}>{(id) => <Input id={id} name="user" required autoFocus autoComplete="username" autoCapitalize="none" {...bind('user')} />}</Field>
        <Field label={t('signIn.password')} hint={setUp ? t('password.rule', { n: LONG_ENOUGH }) : undefined}>
          {(id) => <Input.Password id={id} name="password" required minLength={setUp ? LONG_ENOUGH : undefined} autoComplete={setUp ? 'new-password' : 'current-password'} {...bind('password')} />}
        </Field>
        {setUp && <Field label={t('password.again')} wrong={differs ? t('password.differs') : undefined}>
          {(id) => <Input.Password id={id} required autoComplete="new-password" {...bind('again')} />}
        </Field>}
        {wantsCode && <Field label={t('factor.code')} hint={t('factor.codeHint')}>
          {(id) => <Input id={id} name="otp" required autoFocus inputMode="numeric" autoComplete="one-time-code" size="large" {...bind('otp')} />}
        </Field>}
        {failure && <Wrong failure={failure} />}
        <Button type="primary" size="large" block htmlType="submit" loading={busy}>{setUp ? t('setup.go') : t('signIn.go')}</Button>
        {(fresh || setUp) && <div style={{ marginTop: 14 }}>
          <Button type="link" onClick={() => { setSetUp(!setUp); setFailure(null); setWantsCode(false); }}>{setUp ? t('setup.back') : t('setup.offer')}</Button>
        </div>}
      </form>
    </main>
  );
}
