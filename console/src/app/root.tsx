// SPDX-License-Identifier: GPL-3.0-or-later
import { App, ConfigProvider } from 'antd';
import en from 'antd/locale/en_US';
import vi from 'antd/locale/vi_VN';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { call, get, setCsrf, setSignedOut } from './api';
import { live } from './events';
import { asFailure, type Failure } from './failure';
import { Frame } from './frame';
import { keepLanguage, LanguageContext, startLanguage, t, type Language } from './i18n';
import { usePath } from './router';
import { holds, SessionContext, type SignedIn } from './session';
import { SecondFactorPrompt } from './second-factor';
import { SignIn } from './sign-in';
import { themeOf } from './theme';
import type { Session } from './types';
import { useMedia } from './use';
import { targetOf } from '../pages/meet/target';
import { Wrong } from '../ui/wrong';

/* antd says "Hủy" (cancel), which beside "Hủy lịch" is not clear: the catalogue's word instead */
const calm = <T extends typeof vi>(locale: T, word: string): T => ({ ...locale, Modal: { ...locale.Modal!, cancelText: word } });

/* Confirmations are put into what is there beforehand: only then does a screen reader say them */
let region: HTMLElement | null = null;
function said(): HTMLElement {
  if (!region) {
    region = document.createElement('div');
    region.setAttribute('role', 'status');
    document.body.append(region);
  }
  return region;
}

const Join = lazy(() => import('../pages/meet/join'));

function Signed() {
  const [session, setSession] = useState<Session | null>();
  const [failure, setFailure] = useState<Failure | null>(null);
  const { message } = App.useApp();

  const take = useCallback((value: Session | null) => {
    setCsrf(value?.csrf);
    setSession(value);
    setFailure(null);
  }, []);
  const refresh = useCallback(async () => {
    try {
      take(await get<Session>('/session'));
    } catch (error) {
      const why = asFailure(error);
      if (why.status === 401) take(null);
      else setFailure(why);
    }
  }, [take]);
  useEffect(() => void refresh(), [refresh]);
  useEffect(() => {
    setSignedOut(() => {
      setSession((old) => {
        if (old) void message.warning(t('session.ended'));
        return null;
      });
    });
    return () => setSignedOut(null);
  }, [message]);
  useEffect(() => {
    if (!session) return;
    live.start();
    return () => live.stop();
  }, [session?.user]);

  const value = useMemo<SignedIn | null>(
    () => session ? {
      session,
      may: (...rights) => holds(session, rights),
      signOut: async () => {
        await call('DELETE', '/session').catch(() => undefined);
        take(null);
      },
      refresh,
    } : null,
    [session, refresh, take],
  );
  if (failure) return <div className="center"><div className="card"><Wrong failure={failure} retry={() => void refresh()} /></div></div>;
  if (session === undefined) return <div className="center" role="status">{t('loading')}</div>;
  if (!value) return <SignIn signedIn={take} />;
  return (
    <SessionContext.Provider value={value}>
      <SecondFactorPrompt />
      <Frame />
    </SessionContext.Provider>
  );
}

/** The door of a meeting is open to those without an account; everything else is behind the sign-in. */
function Where() {
  const path = usePath();
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  const target = targetOf(path, path === location.pathname ? location.hash : hash);
  return target ? <Suspense fallback={<div className="center" role="status">{t('loading')}</div>}><Join key={`${target.code ?? ''}/${target.room ?? ''}`} target={target} /></Suspense> : <Signed />;
}

export function Root() {
  const [language, set] = useState<Language>(startLanguage);
  const dark = useMedia('(prefers-color-scheme: dark)');
  useEffect(() => void said(), []);
  const choose = useMemo(() => ({ language, setLanguage: (l: Language) => { keepLanguage(l); set(l); } }), [language]);

  useEffect(() => { document.documentElement.lang = language; }, [language]);
  return (
    <LanguageContext.Provider value={choose}>
      <ConfigProvider locale={calm(language === 'vi' ? vi : en, t('cancel'))} theme={themeOf(dark)} button={{ autoInsertSpace: false }} modal={{ closable: { 'aria-label': t('close'), closeIcon: <span aria-hidden="true">✕</span> } }}>
        <App message={{ maxCount: 3, duration: 5, getContainer: said }} notification={{ placement: 'bottomRight', maxCount: 3 }}>
          <Where key={language} />
        </App>
      </ConfigProvider>
    </LanguageContext.Provider>
  );
}
