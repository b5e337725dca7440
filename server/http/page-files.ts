/**
 * The files of the editor page as vite has built them: compressed beforehand (`.br`, `.gz` beside each, made by
 * vite.config.mjs), and kept for ever where the name holds a hash of the content.
 */
import { existsSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import express, { type RequestHandler } from 'express';

const CODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;
/** What the build compresses. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};
/** Vite's folder for what has a hash in its name. */
const HASHED = /^\/assets\//;
const FOREVER = 'public, max-age=31536000, immutable';

export function pageFiles(folder: string): readonly RequestHandler[] {
  return [chooseCoding(folder), express.static(folder, { index: 'index.html', setHeaders })];
}

function setHeaders(response: express.Response): void {
  const { path } = response.req;
  response.set('Cache-Control', HASHED.test(path) ? FOREVER : 'no-cache');
}

/** Serves the file beside the one that was asked for, under that one's name. */
function chooseCoding(folder: string): RequestHandler {
  return (request, response, next) => {
    const path = request.path.endsWith('/') ? `${request.path}index.html` : request.path;
    const type = TYPES[extname(path)];
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    // Encoded paths are none of ours: all names are plain.
    if (!isRead || type === undefined || normalize(path) !== path || path.includes('%')) {
      next();
      return;
    }
    const made = CODINGS.filter(({ extension }) => existsSync(join(folder, path + extension)));
    if (made.length > 0) response.vary('Accept-Encoding');
    const accepted = request.acceptsEncodings(...made.map(({ name }) => name));
    const coding = made.find(({ name }) => name === accepted);
    if (coding !== undefined) {
      response.set({ 'Content-Encoding': coding.name, 'Content-Type': type });
      request.url = path + coding.extension;
    }
    next();
  };
}
