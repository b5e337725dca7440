/** A node inside the test's process, ended with the test. */
import { onTestFinished } from 'vitest';
import type { Config } from '../../server/options.ts';
import { createNode, type Node, type NodeParts } from '../../server/node.ts';
import { tempDir } from './temp-dir.ts';

export interface RunningNode {
  readonly node: Node;
  /** `http://…` */
  readonly url: string;
  /** `ws://…` */
  readonly webSocketUrl: string;
}

export async function startNode(
  config: Partial<Config> = {},
  parts: NodeParts = {},
): Promise<RunningNode> {
  const node = createNode(
    {
      port: 0,
      logLevel: 'silent',
      ...config,
      ...(config.dataDir === undefined && parts.createStore === undefined
        ? { dataDir: tempDir() }
        : {}),
    },
    parts,
  );
  const url = await node.listen();
  onTestFinished(async () => {
    await node.close();
  });
  return { node, url, webSocketUrl: url.replace(/^http/, 'ws') };
}

/** One sample of a node's metrics; 0 when it has no such metric (yet). */
export async function metric(node: Node, name: string): Promise<number> {
  const line = (await node.metrics()).split('\n').find((row) => row.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}
