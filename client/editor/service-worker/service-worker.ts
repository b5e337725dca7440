/**
 * Keeps the page itself (not its documents: those are in IndexedDB) for when there is no network. All files of one
 * build are kept together under its version, so that code and page never mix; files with a hash in their name are
 * taken from here first, the page from the network, if that answers soon.
 */
declare const self: ServiceWorkerGlobalScope;

/** Filled in by the build: a JSON list. */
const FILES = JSON.parse('__SHELL_FILES__') as readonly string[];
const CACHE = 'shell-__SHELL_VERSION__';
/** What a file depends on (its encoding, who asks) does not matter here: it is the same file. */
const ANYHOW = { ignoreSearch: true, ignoreVary: true };
/** A network that takes longer than this is treated as none: milliseconds. */
const PATIENCE_MS = 2_000;

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll(FILES.map((path) => new Request(path, { cache: 'no-cache' })));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      // The one before stays: a page of that build may still be open, and load a piece of it.
      const old = names.filter((name) => name.startsWith('shell-') && name !== CACHE);
      await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const path = pathWithin(request.url);
  if (path === '') event.respondWith(page(request));
  else if (path !== null && FILES.includes(`./${path}`)) event.respondWith(file(request));
});

/** What follows the folder that this worker looks after; null: elsewhere. */
function pathWithin(address: string): string | null {
  const { scope } = self.registration;
  const url = new URL(address);
  const plain = `${url.origin}${url.pathname}`;
  return plain.startsWith(scope) ? plain.slice(scope.length) : null;
}

async function page(request: Request): Promise<Response> {
  const kept = await caches.match('./', ANYHOW);
  if (kept === undefined) return await fetch(request);
  try {
    const fresh = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return fresh.ok ? fresh : kept;
  } catch {
    return kept;
  }
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request, ANYHOW)) ?? (await fetch(request));
}
