// SPDX-License-Identifier: GPL-3.0-or-later
// Ant Design in our colours: every text against its ground at least 4.5 to 1, in daylight and in a dark room.
import { theme, type ThemeConfig } from 'antd';

export function themeOf(dark: boolean): ThemeConfig {
  const soft = dark ? 'rgba(255,255,255,0.74)' : 'rgba(0,0,0,0.68)';
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      colorPrimary: dark ? '#3f7ff0' : '#0b57d0', colorError: dark ? '#ff8f87' : '#b3140f', colorSuccess: dark ? '#7fdc9b' : '#12662e',
      colorWarning: dark ? '#f6c26b' : '#7d4a00', colorLink: dark ? '#8ab4ff' : '#0b57d0', colorInfo: dark ? '#8ab4ff' : '#0b57d0',
      fontSize: 16, controlHeight: 40, borderRadius: 8, colorTextSecondary: soft, colorTextTertiary: soft, colorTextDescription: soft,
      colorTextPlaceholder: soft, colorTextDisabled: soft, colorBgContainer: dark ? '#171b22' : '#fff', colorBgElevated: dark ? '#1d222b' : '#fff',
      fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", motionDurationMid: '0.1s', motionDurationSlow: '0.15s',
    },
    components: { Button: { dangerColor: dark ? '#1b0504' : '#fff', primaryColor: dark ? '#071225' : '#fff', colorPrimary: dark ? '#8ab4ff' : '#0b57d0', colorPrimaryHover: dark ? '#a9c8ff' : '#0a4ab0', colorPrimaryActive: dark ? '#a9c8ff' : '#083c90' } },
  };
}
