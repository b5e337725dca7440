/**
 * The tables in docs/ that are made from code: `npm run docs` writes them, a test holds them equal.
 * Each stands between two marker comments; the prose around it is written by hand.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { optionRows } from '../../server/config.ts';
import { openApi } from '../../server/http/api/document.ts';
import { ERRORS } from '../../server/protocol/errors.ts';
import { headerRows, parameterRows, routeRows, schemaRows } from './api-tables.ts';

export interface GeneratedTable {
  readonly file: string;
  readonly marker: string;
  readonly markdown: string;
}

/** From dist/test/docs or test/docs to the top. */
const ROOT = new URL(import.meta.url.includes('/dist/') ? '../../../' : '../../', import.meta.url);

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function generatedTables(): readonly GeneratedTable[] {
  return [
    {
      file: 'docs/OPERATIONS.md',
      marker: 'options',
      markdown: table(
        ['Variable', 'Default', 'Meaning'],
        optionRows().map(([env, fallback, doc]) => [`\`${env}\``, `\`${fallback}\``, doc]),
      ),
    },
    {
      file: 'docs/ERRORS.md',
      marker: 'errors',
      markdown: table(
        ['Code', 'WebSocket close', 'HTTP', 'Client should', 'Meaning'],
        Object.entries(ERRORS).map(([code, entry]) => [
          `\`${code}\``,
          String(entry.close),
          String(entry.http),
          entry.retry === 'never' ? 'stop' : entry.retry,
          entry.meaning,
        ]),
      ),
    },
    ...openApi.tags.map(({ name }) => ({
      file: 'docs/API.md',
      marker: `routes of ${name}`,
      markdown: table(['Route', '', 'Answers', 'Problems of its own'], routeRows(name)),
    })),
    {
      file: 'docs/API.md',
      marker: 'parameters',
      markdown: table(['Parameter', 'In', 'Of', 'Meaning'], parameterRows()),
    },
    {
      file: 'docs/API.md',
      marker: 'headers',
      markdown: table(['Header', 'Meaning'], headerRows()),
    },
    {
      file: 'docs/API.md',
      marker: 'schemas',
      markdown: table(['JSON', 'Member', 'Type', 'Meaning'], schemaRows()),
    },
  ];
}

export function pathOf(generated: GeneratedTable): string {
  return fileURLToPath(new URL(generated.file, ROOT));
}

/** The file's text with the table in its place. @throws Error when a marker is missing */
export function withTable(generated: GeneratedTable): string {
  const text = readFileSync(pathOf(generated), 'utf8');
  const start = `<!-- ${generated.marker}: made by npm run docs -->`;
  const end = `<!-- ${generated.marker}: end -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to === -1)
    throw new Error(`${generated.file} lacks the markers ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${generated.markdown}\n\n${text.slice(to)}`;
}

/** Made whole from chaos/haproxy-config.ts. */
export const HAPROXY_FILE: string = fileURLToPath(new URL('deploy/haproxy.cfg', ROOT));
