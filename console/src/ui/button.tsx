// SPDX-License-Identifier: GPL-3.0-or-later
// A button that may be busy. Ant Design's own spinner is a picture named "loading" that becomes a part of the button's name, and stays there for as
// long as its leaving takes: ours has no name, and whoever cannot see it hears that the button is busy.
import { Button as Plain, type ButtonProps } from 'antd';

export function Button({ loading = false, ...rest }: Omit<ButtonProps, 'loading'> & { loading?: boolean }) {
  return <Plain {...rest} aria-busy={loading || undefined} loading={loading ? { icon: <span className="spin" aria-hidden="true" /> } : false} />;
}
