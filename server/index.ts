/**
 * Syncline inside another program: `createNode` makes a node, `listen` starts it, `drain` and `close` end it.
 * Several may live in one process, each with its own folder and port.
 */
export type { AccessControl, AccessLevel, Identity, Revocation } from './access/access.ts';
export type { Authorize, AuthorizeRequest } from './access/authorize.ts';
export { ConfigError } from './config.ts';
export { OPTIONS, type Config } from './options.ts';
export { createNode, type Node, type NodeParts } from './node.ts';
