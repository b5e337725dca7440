// Puts the page at /docs together in dist: our two files, and Swagger UI as it is published, licence included.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'dist', 'server', 'http', 'docs-page');
const swagger = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));

rmSync(page, { recursive: true, force: true });
mkdirSync(page, { recursive: true });
cpSync(join(root, 'server', 'http', 'docs-page'), page, { recursive: true });
for (const file of [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
]) {
  cpSync(join(swagger, file), join(page, file));
}
