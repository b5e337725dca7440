/**
 * The child of `node-process.ts`: a node from its environment, with the sabotage that the test asks for.
 */
import { LevelStore } from '../../persistence/level-store.ts';
import { configFromEnv } from '../../server/config.ts';
import { createNode } from '../../server/node.ts';
import type { Sabotage } from './sabotage.ts';
import { stuckMedium } from './stuck-medium.ts';

const { ackRedundantAtOnce, cursorFirst, stuckWhile, ...storeSabotage } = JSON.parse(
  process.env['SABOTAGE'] ?? '{}',
) as Sabotage;

const config = configFromEnv(process.env);
const node = createNode(config, {
  createStore: (observer) =>
    new LevelStore({
      folder: config.dataDir ?? './data',
      observer,
      recordsChanges: (config.webhookUrl ?? null) !== null,
      ...(config.commitQueueBytesMax === undefined
        ? {}
        : { queueBytesMax: config.commitQueueBytesMax }),
      ...(config.changesBytesMax === undefined ? {} : { changesBytesMax: config.changesBytesMax }),
      ...(config.acceptDataLoss === true ? { acceptDataLoss: true } : {}),
      sabotage: storeSabotage,
      ...(stuckWhile === undefined ? {} : { medium: stuckMedium(stuckWhile) }),
    }),
  ...(cursorFirst === true ? { webhookSabotage: { cursorFirst } } : {}),
  ...(ackRedundantAtOnce === true ? { sabotage: { ackRedundantAtOnce } } : {}),
});
process.on('SIGTERM', () => {
  void node.drain().then(() => process.exit(0));
});
process.stdout.write(`${await node.listen()}\n`);
