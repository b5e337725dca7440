/** The examples of client/README.md: they compile as they stand there, and the one for Node runs against a real node. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startNode } from '../support/in-process-node.ts';
import { Rest } from '../support/rest.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** Not installed here: 70 MB for one example. */
const BY_EYE = ['monaco-editor'];

interface Example {
  readonly heading: string;
  readonly extension: string;
  readonly code: string;
}

function examples(): readonly Example[] {
  const text = readFileSync(join(ROOT, 'client/README.md'), 'utf8');
  return text.split(/^## /m).flatMap((section) =>
    [...section.matchAll(/^```(tsx?)\n(.*?)^```/gms)].map(([, extension = '', code = '']) => ({
      heading: section.split('\n', 1)[0] ?? '',
      extension,
      code,
    })),
  );
}

/** Inside of the package, so that `syncline/client` means what it means to others. */
function folder(name: string): string {
  const path = join(ROOT, 'dist', name);
  mkdirSync(path, { recursive: true });
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

describe('client/README.md', () => {
  it('has an example for every editor that it names', () => {
    expect(examples().map(({ heading }) => heading)).toEqual(
      expect.arrayContaining(['Tiptap', 'CodeMirror', 'ProseMirror', 'Quill', 'Monaco', 'React']),
    );
  });

  it('compiles', async () => {
    const path = folder('.readme-examples');
    const files = examples()
      .filter(({ code }) => !BY_EYE.some((name) => code.includes(`'${name}'`)))
      .map(({ extension, code }, index) => {
        const file = `example-${index}.${extension}`;
        writeFileSync(join(path, file), code);
        return file;
      });
    expect(files.length).toBeGreaterThan(8);
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        composite: false,
        noEmit: true,
        isolatedDeclarations: false,
        declaration: false,
        noUnusedLocals: false,
        rootDir: ROOT,
        lib: ['es2023', 'dom', 'dom.iterable'],
        types: ['node'],
        jsx: 'react-jsx',
        jsxImportSource: 'preact',
        // Preact's is the same interface, and is installed.
        paths: { react: [join(ROOT, 'node_modules/preact/compat/src/index.d.ts')] },
      },
      files,
      references: [],
    };
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await run(process.execPath, [TSC, '-p', path], { cwd: ROOT }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });

  it('runs in Node', async () => {
    const example = examples().find(({ heading }) => heading.startsWith('Node'));
    if (example === undefined) throw new Error('there is none for Node');
    const { url } = await startNode();
    const path = join(folder('.readme-run'), 'example.mjs');
    writeFileSync(path, example.code);
    const { stdout } = await run(process.execPath, [path], {
      cwd: dirname(path),
      env: { ...process.env, SYNCLINE_URL: url },
      timeout: 30_000,
    });
    expect(stdout).toMatch(/^2 lines, \d+ bytes received\n$/);
    const doc = await new Rest(url).document('log');
    expect(new Set(doc.getArray('lines').toJSON())).toEqual(new Set(['started', 'visited']));
  });
});
