/**
 * Syncline inside another program: `createNode` makes a node, `listen` starts it, `drain` and `close` end it.
 * Several may live in one process, each with its own folder and port.
 */
export { ConfigError, OPTIONS, type Config } from './config.ts';
export { createNode, type Node, type NodeParts } from './node.ts';
