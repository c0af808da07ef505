// SPDX-License-Identifier: GPL-3.0-or-later
// A question before what cannot be taken back: what will happen, in one sentence, and two buttons that say what they do.
import { Modal } from 'antd';
import { useState, type ReactNode } from 'react';
import { t } from '../app/i18n';
import { Button } from './button';

export function Confirm({ open, title, children, go, danger, ready = true, close, doIt }: { open: boolean; title: string; children: ReactNode; go: string; danger?: boolean; ready?: boolean; close: () => void; doIt: () => Promise<unknown> }) {
  const [busy, setBusy] = useState(false);
  return (
    <Modal open={open} title={title} onCancel={close} destroyOnHidden footer={
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button size="large" onClick={close}>{t('cancel')}</Button>
        <Button size="large" type="primary" danger={danger} disabled={!ready} loading={busy} onClick={() => { setBusy(true); void doIt().finally(() => setBusy(false)); }}>{go}</Button>
      </div>
    }>{children}</Modal>
  );
}
