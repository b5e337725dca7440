/** The editor page: built once, then it follows the address. */
import { render } from 'preact';
import { AppProvider } from './app/context.ts';
import { createApp } from './app/create-app.ts';
import { Shell } from './app/shell.tsx';

const root = document.querySelector('#app');
if (root === null) throw new TypeError('the page has no #app');
const app = createApp();
render(
  <AppProvider value={app}>
    <Shell />
  </AppProvider>,
  root,
);

// Opens without network from then on. Only secure contexts have service workers: https, and this machine.
if ('serviceWorker' in navigator) {
  addEventListener('load', () => {
    void navigator.serviceWorker.register('./service-worker.js').catch(() => {});
  });
}
