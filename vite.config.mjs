// Builds the editor page into dist/client/editor/page, from where the server serves it at `/`.
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'client/editor',
  // Relative, so that the page also works where a proxy has put it under a path.
  base: './',
  build: {
    outDir: '../../dist/client/editor/page',
    emptyOutDir: true,
    sourcemap: true,
    target: 'es2023',
    // No data: URLs, which a strict content security policy would refuse.
    assetsInlineLimit: 0,
  },
});
