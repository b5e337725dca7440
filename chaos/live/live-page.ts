/** The live view's page as text, and the policy that lets nothing else run in it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { embeddedJson, Html, html } from '../report/html.ts';
import type { Topology } from '../report/run-record.ts';
import { LIVE_STYLE } from './live-style.ts';

export function livePage(topology: Topology): { readonly text: string; readonly policy: string } {
  const script = readFileSync(new URL('../pages/live.js', import.meta.url), 'utf8').replaceAll(
    /^\/\/# sourceMappingURL=.*$/gm,
    '',
  );
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Syncline chaos, live</title>
        <style>
          ${new Html(LIVE_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <div>
            <p class="eyebrow">Syncline · chaos, live</p>
            <h1 id="scenario">…</h1>
          </div>
          <p id="phase" role="status"></p>
        </header>
        <div class="stage">
          <svg id="scene" role="group" aria-label="Regions, nodes and links"></svg>
          <aside>
            <div id="agreement" role="status"></div>
            <div id="chart">
              <h2>Apart, last two minutes</h2>
              <svg id="history" aria-hidden="true"></svg>
            </div>
            <dl id="counters"></dl>
            <div>
              <h2>Broken right now</h2>
              <ul id="broken"></ul>
            </div>
            <p class="hint">
              Click a link to cut it, again to heal it.
              <label
                >Cut
                <select id="direction">
                  <option value="both">both ways</option>
                  <option value="a-to-b">outgoing only</option>
                  <option value="b-to-a">incoming only</option>
                </select></label
              >
            </p>
            <p id="trouble" role="alert"></p>
          </aside>
        </div>
        <script type="application/json" id="topology">
          ${embeddedJson(topology)}
        </script>
        ${new Html(`<script type="module">${script}</script>`)}
      </body>
    </html>`;
  return { text, policy };
}
