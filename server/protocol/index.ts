/** The leaf that server, client and tools share: numbers, names, limits and errors. No Node, no DOM, no ws. */
export * from './document-name.ts';
export * from './errors.ts';
export * from './limits.ts';
export * from './messages.ts';
export * from './sync-body.ts';
