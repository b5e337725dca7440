/** The curl examples of README.md and docs/API.md, run as they stand there: curl itself is told where the node is. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startNode } from '../../support/in-process-node.ts';
import { Rest } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

function shellBlocks(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(([, block = '']) => block)
    .filter((block) => /^curl /m.test(block));
}

/** Runs the block; fails on the first command that does, and on any answer of 400 or more. */
async function runBlock(block: string, url: string): Promise<string> {
  const folder = tempDir();
  const { host } = new URL(url);
  writeFileSync(
    join(folder, '.curlrc'),
    `connect-to = "localhost:1234:${host}"\nfail-with-body\nsilent\nshow-error\nnoproxy = "*"\n`,
  );
  const { stdout } = await run('sh', ['-e', '-c', block], {
    cwd: folder,
    env: { PATH: process.env['PATH'], CURL_HOME: folder, HOME: folder },
  });
  return stdout;
}

describe('the curl examples', () => {
  it('of README.md do what they say', async () => {
    const { url } = await startNode();
    const blocks = shellBlocks('README.md');
    expect(blocks).toHaveLength(1);
    const output = await runBlock(blocks[0] ?? '', url);
    expect(output).toContain('"document":"notes"');
    expect(output).toContain('hi');
    expect(output).toContain('"redundant":true');
    expect(output).toContain('event: synced');
    expect(output).toContain('"label":"first draft"');
    const rest = new Rest(url);
    expect((await rest.document('notes')).getText('text').toString()).toBe('hi');
    expect((await rest.get('/v1/documents')).json).toMatchObject({
      documents: [{ name: 'notes' }],
    });
  });

  it('of docs/API.md do what they say', async () => {
    const { url } = await startNode();
    const blocks = shellBlocks('docs/API.md');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(await runBlock(block, url)).toContain('"document":"notes"');
  });
});
