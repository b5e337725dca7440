// Builds the editor page into dist/client/editor/page, from where the server serves it at `/`: the page, code in
// pieces by kind of document, a service worker that knows all of their names, and everything compressed beforehand.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const ROOT = 'client/editor';
const PAGE = 'dist/client/editor/page';
const COMPRESSED = /\.(?:html|js|css|svg|webmanifest)$/;

/** The app shell: what the service worker keeps, and a version that changes with any of it. */
function shell() {
  return {
    name: 'shell',
    apply: 'build',
    /** @param {import('vite').Rolldown.OutputBundle} bundle */
    generateBundle(_options, bundle) {
      const worker = bundle['service-worker.js'];
      if (worker?.type !== 'chunk')
        throw new Error('there is no service worker to write the shell into');
      const kept = Object.values(bundle).filter(({ fileName }) => isOfShell(fileName));
      const files = ['./', './icon.svg', './manifest.webmanifest'];
      const hash = createHash('sha256');
      for (const file of kept.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1))) {
        hash.update(file.fileName).update(file.type === 'chunk' ? file.code : file.source);
        if (file.fileName !== 'index.html') files.push(`./${file.fileName}`);
      }
      worker.code = worker.code
        .replace(/(["'`])__SHELL_FILES__\1/, JSON.stringify(JSON.stringify(files)))
        .replace('__SHELL_VERSION__', hash.digest('hex').slice(0, 12));
    },
  };
}

function isOfShell(fileName) {
  return fileName !== 'service-worker.js' && !fileName.endsWith('.map');
}

function compressed() {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(PAGE, { recursive: true })) {
        const path = join(PAGE, String(entry));
        if (!COMPRESSED.test(path)) continue;
        const bytes = readFileSync(path);
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
      }
    },
  };
}

export default defineConfig({
  root: ROOT,
  // Relative, so that the page also works where a proxy has put it under a path.
  base: './',
  plugins: [shell(), compressed()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/client/editor/page',
    emptyOutDir: true,
    sourcemap: true,
    target: 'es2023',
    // No data: URLs, which a strict content security policy would refuse.
    assetsInlineLimit: 0,
    // Its polyfill would be an inline script; every browser that runs the rest has modulepreload.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: `${ROOT}/index.html`,
        'service-worker': `${ROOT}/service-worker/service-worker.ts`,
      },
      output: {
        entryFileNames: ({ name }) =>
          name === 'service-worker' ? 'service-worker.js' : 'assets/[name]-[hash].js',
      },
    },
  },
});
