// SPDX-License-Identifier: GPL-3.0-or-later
// A button that may be busy. Ant Design's own spinner is a picture named "loading" that becomes a part of the button's name, and stays there for as
// long as its leaving takes (without motion: for good): ours is an icon without a name, gone at once, and whoever cannot see it hears that the button is
// busy. Pressed meanwhile, it does nothing.
import { Button as Plain, type ButtonProps } from 'antd';

export function Button({ loading = false, ...rest }: Omit<ButtonProps, 'loading'> & { loading?: boolean }) {
  if (!loading) return <Plain {...rest} />;
  return <Plain {...rest} className={`ant-btn-loading ${rest.className ?? ''}`} aria-busy icon={<span className="spin" aria-hidden="true" />} onClick={(e) => e.preventDefault()} />;
}
