// SPDX-License-Identifier: GPL-3.0-or-later
import { createRoot } from 'react-dom/client';
import { Root } from './app/root';
import './app/style.css';

createRoot(document.getElementById('root')!).render(<Root />);
