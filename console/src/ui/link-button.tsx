// SPDX-License-Identifier: GPL-3.0-or-later
// A link within the console that looks like a button. The class names of Ant Design alone draw nothing: its styles come with its Button.
import { Button, type ButtonProps } from 'antd';
import { inPage } from '../app/router';

export function LinkButton({ to, ...rest }: { to: string } & Omit<ButtonProps, 'href' | 'onClick'>) {
  return <Button {...rest} href={to} onClick={(event) => inPage(event, to)} />;
}
