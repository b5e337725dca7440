/** What the API says of itself: its description, its problems, and a page to try it. Open to everybody. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import { openApi } from './api/document.ts';

/** Beside the compiled server; put there by the build (.ci/assets.mjs). */
const DOCS_PAGE = fileURLToPath(new URL('./docs-page', import.meta.url));
const DAY_S = 86_400;
/** Swagger UI sets style attributes and brings its icons as data. */
const DOCS_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function aboutRoutes(): Router {
  const router = Router();
  const description = JSON.stringify(openApi);
  router.get('/v1/openapi.json', (_request, response) => {
    response.set('Cache-Control', `public, max-age=${DAY_S}`).type('json').send(description);
  });
  router.get('/problems/:code', (request, response) => {
    const entry = Object.entries(ERRORS).find(([code]) => code === request.params.code);
    if (entry === undefined) throw new ProtocolError('not-found');
    const [code, { http, close, retry, meaning }] = entry;
    response.set('Cache-Control', `public, max-age=${DAY_S}`).vary('Accept');
    if (request.accepts(['json', 'html']) === 'html') {
      response.type('html').send(problemPage(code as ErrorCode));
    } else response.json({ code, status: http, close, retry, meaning });
  });
  if (existsSync(DOCS_PAGE)) {
    router.get('/docs', (_request, response) => {
      response.set('Content-Security-Policy', DOCS_SECURITY_POLICY);
      response.sendFile('index.html', { root: DOCS_PAGE });
    });
    router.use('/docs', express.static(DOCS_PAGE, { index: false }));
  }
  return router;
}

const ADVICE: Readonly<Record<string, string>> = {
  never: 'Sending it again will not help.',
  backoff: 'Try again after a pause; see Retry-After.',
  reauthenticate: 'Get another token, then try again.',
};

/** Nothing but the table's own words: they need no escaping beyond the two characters of markup. */
function problemPage(code: ErrorCode): string {
  const { http, close, retry, meaning } = ERRORS[code];
  const text = meaning.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>${code}</title></head>
  <body>
    <h1>${code}</h1>
    <p>${text}</p>
    <p>${ADVICE[retry] ?? ''}</p>
    <p>HTTP ${http}; on a WebSocket, close code ${close}.</p>
  </body>
</html>
`;
}
