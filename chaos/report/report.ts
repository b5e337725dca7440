/**
 * A run as one HTML file that needs nothing else: styles, charts and data are in it, and its own policy forbids it to ask
 * anybody for anything. Verdicts, faults and the timeline are there without scripts.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedJson, Html, html } from './html.ts';
import { REPORT_STYLE } from './report-style.ts';
import type { RunRecord } from './run-record.ts';
import { faultTable, header, tiles, verdictTable } from './sections.ts';
import { timeline } from './timeline.ts';

const CHARTS: readonly (readonly [id: string, title: string])[] = [
  ['rate', 'Edits and acks'],
  ['ack', 'From edit to ack'],
  ['visible', 'From ack to sight on every node'],
  ['divergence', 'Elements in which a node differs from most'],
  ['memory', 'Memory'],
  ['lag', 'Event loop lag'],
];

/** Writes `report.html` and, beside it, the same as data: `run.json`. */
export function writeReport(record: RunRecord, dir: string): string {
  const path = join(dir, 'report.html');
  writeFileSync(path, renderReport(record));
  writeFileSync(join(dir, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
  return path;
}

export function renderReport(record: RunRecord): string {
  const library = inlineScript(fileText(packageFile('uplot/dist/uPlot.iife.min.js')));
  const libraryStyle = fileText(packageFile('uplot/dist/uPlot.min.css'));
  const page = inlineScript(
    fileText(fileURLToPath(new URL('../pages/report.js', import.meta.url))),
  );
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src ${hashOf(library)} ${hashOf(page)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width" />
        <title>${record.scenario} · seed ${record.seed} · Syncline chaos</title>
        <style>
          ${new Html(libraryStyle)}${new Html(REPORT_STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${header(record)} ${tiles(record)}
          <section>
            <h2>Timeline</h2>
            ${timeline(record)}
            ${CHARTS.map(
              ([id, title]) =>
                html`<figure data-chart="${id}">
                  <figcaption>${title}</figcaption>
                  <div class="chart" id="chart-${id}"></div>
                </figure>`,
            )}
            <p class="note">
              Shaded: a fault was there. Tinted: every fault was healed, and nobody edited. Drag
              over a chart to look closer, click twice to come back.
            </p>
          </section>
          <section>
            <h2>Promises</h2>
            ${verdictTable(record)}
          </section>
          <section>
            <h2>Faults</h2>
            ${faultTable(record)}
          </section>
          <footer>
            History: <code>${record.historyFile}</code> · everything here as data:
            <code>run.json</code>
          </footer>
        </main>
        <script type="application/json" id="run">
          ${embeddedJson(record)}
        </script>
        ${scriptElement('', library)} ${scriptElement(' type="module"', page)}
      </body>
    </html>`.text;
}

function packageFile(name: string): string {
  return createRequire(import.meta.url).resolve(name);
}

function fileText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Without the pointer to a map that is not there, and without the end of a script element. */
function inlineScript(source: string): string {
  return source
    .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '')
    .replaceAll('</script', String.raw`<\/script`);
}

/** Not by a template: its hash counts every space. */
function scriptElement(attributes: string, script: string): Html {
  return new Html(`<script${attributes}>${script}</script>`);
}

function hashOf(script: string): string {
  return `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}
