/** `syncline verify` on a node's folder, with the node down: what K20 asks for. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VerifyEvent } from '../history/events.ts';

const SERVER_MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));
const TIMEOUT_MS = 120_000;

export interface Verification {
  readonly documents: number;
  readonly isSound: boolean;
  readonly findings: readonly string[];
}

/** With the tools of the build that wrote it. */
export async function verifyFolder(
  folder: string,
  serverMain: string | null,
): Promise<Verification> {
  const cli = join(dirname(serverMain ?? SERVER_MAIN), 'cli/main.js');
  const { code, output } = await run([cli, 'verify', folder]);
  const lines = output.split('\n').filter((line) => line !== '');
  const counted = lines.map((line) => /^(\d+) documents? checked/.exec(line)).find(Boolean);
  return {
    documents: Number(counted?.[1] ?? 0),
    isSound: code === 0,
    findings: code === 0 ? [] : lines,
  };
}

/** One line a document: sound, or what was found that names it (or no document at all). */
export function verifyFacts(
  node: string,
  docs: readonly string[],
  { isSound, findings }: Verification,
): VerifyEvent[] {
  return docs.map((doc) => {
    const named = findings.filter((line) => line.includes(doc));
    const isFine = isSound || (named.length === 0 && findings.some((line) => isAbout(line, docs)));
    return {
      f: 'verify',
      node,
      doc,
      isContiguous: isFine,
      hasGoodChecksums: isFine,
      ...(isFine ? {} : { reason: (named.length > 0 ? named : findings).join('; ').slice(0, 400) }),
    };
  });
}

function isAbout(line: string, docs: readonly string[]): boolean {
  return docs.some((doc) => line.includes(doc));
}

async function run(args: readonly string[]): Promise<{ code: number; output: string }> {
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args],
      { timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, output: `${stdout}${stderr}` });
      },
    );
  });
}
