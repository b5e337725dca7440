/** All that may go wrong. Seeds draw by place and weight: another order is another schedule for every seed. */
import { EDITOR_SCENES } from './editor-scenes.ts';
import { NETWORK_SCENES } from './network-scenes.ts';
import { NODE_SCENES } from './node-scenes.ts';
import type { Scene } from './scene.ts';

export const SCENES: readonly Scene[] = [
  { name: 'nothing', weight: 2, scope: 'load', play: () => undefined },
  ...NETWORK_SCENES,
  ...NODE_SCENES,
  ...EDITOR_SCENES,
];
