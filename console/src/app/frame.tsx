// SPDX-License-Identifier: GPL-3.0-or-later
import { Button } from 'antd';
import { Component, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import { live } from './events';
import { asFailure, type Failure } from './failure';
import { t, tWord } from './i18n';
import { pages, type Page } from './pages';
import { Link, match, usePath } from './router';
import { useSession } from './session';
import { LanguageSwitch } from './sign-in';
import { Wrong } from '../ui/wrong';
import { useAreaName } from '../ui/areas';

/** A fault of a page does not take the others with it. */
class Guard extends Component<{ children: ReactNode; path: string }, { failure: Failure | null }> {
  state = { failure: null };
  static getDerivedStateFromError(error: unknown) { return { failure: asFailure(error) }; }
  componentDidUpdate(before: { path: string }) { if (before.path !== this.props.path && this.state.failure) this.setState({ failure: null }); }
  render() { return this.state.failure ? <Wrong failure={this.state.failure} retry={() => location.reload()} /> : this.props.children; }
}

function useLive(): boolean {
  const [up, setUp] = useState(true);
  useEffect(() => {
    let timer = 0;
    const off = live.onState((is) => {
      window.clearTimeout(timer);
      if (is) setUp(true);
      else timer = window.setTimeout(() => setUp(false), 2500); /* a short gap is nobody's business */
    });
    return () => { off(); window.clearTimeout(timer); };
  }, []);
  return up;
}

function Menu({ current, close }: { current: Page | undefined; close: () => void }) {
  const { may } = useSession();
  const group = (name: Page['group']) => pages.filter((p) => p.group === name && p.menu && may(...p.rights));
  return (
    <nav aria-label={t('nav.label')}>
      <ul className="nav">
        {(['meet', 'broadcast', 'house'] as const).map((name) => group(name).length > 0 && (
          <li key={name}>
            <div className="group">{t(`nav.${name}`)}</div>
            <ul className="nav">
              {group(name).map((p) => (
                <li key={p.path}>
                  <Link to={p.path} onClick={close} aria-current={current && (current === p || (p.path !== '/' && current.path.startsWith(`${p.path}/`))) ? 'page' : undefined}>
                    <span aria-hidden="true">{p.menu}</span>{t(p.title)}
                  </Link>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function Frame() {
  const path = usePath();
  const { session, may, signOut } = useSession();
  const [open, setOpen] = useState(false);
  const up = useLive();
  const main = useRef<HTMLElement>(null);
  const nameOf = useAreaName();
  const found = pages.map((page) => ({ page, params: match(page.path, path) })).find((x) => x.params);
  const first = useRef(true);

  useEffect(() => {
    document.title = `${found ? t(found.page.title) : t('page.none')} – ${t('brand')}`;
    if (!first.current) main.current?.focus(); /* a screen reader begins at the new page */
    first.current = false;
  }, [path]);
  const View = found?.page.view;
  return (
    <div className="frame">
      <a className="skip" href="#main">{t('nav.skip')}</a>
      <header className="topbar">
        <Button aria-expanded={open} aria-controls="side" aria-label={open ? t('nav.close') : t('nav.open')} onClick={() => setOpen(!open)}>☰</Button>
        <b>{found ? t(found.page.title) : t('page.none')}</b>
      </header>
      <aside className={open ? 'side open' : 'side'} id="side">
        <div className="row between">
          <div className="brand"><img src="/icon.svg" alt="" />{t('brand')}</div>
          {open && <Button aria-label={t('nav.close')} onClick={() => setOpen(false)}>✕</Button>}
        </div>
        <Menu current={found?.page} close={() => setOpen(false)} />
        <div className="foot">
          <div><b>{session.user}</b><br /><span className="soft">{tWord('role', session.role)} · {session.area ? nameOf(session.area) : t('area.all')}</span></div>
          <div className="row"><LanguageSwitch /><Button onClick={() => void signOut()}>{t('signOut')}</Button></div>
        </div>
      </aside>
      <main className="main" id="main" ref={main} tabIndex={-1} style={{ outline: 'none' }}>
        {!up && <div className="lost" role="status">{t('live.lost')}</div>}
        <Guard path={path}>
          {!found && <div className="card"><h1>{t('page.none')}</h1><p>{t('page.noneHint')}</p><Link to="/">{t('page.onAir')}</Link></div>}
          {found && !may(...found.page.rights) && <div className="card"><h1>{t(found.page.title)}</h1><p>{t('right.missing', { role: tWord('role', session.role) })}</p></div>}
          {found && View && may(...found.page.rights) && <Suspense fallback={<p role="status">{t('loading')}</p>}><View params={found.params!} key={path} /></Suspense>}
        </Guard>
      </main>
    </div>
  );
}
