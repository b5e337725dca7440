/**
 * Workload and checker against a cluster that is there already, while its owners break it by their own means. Nothing is
 * started, killed or cut from here; nodes are not restarted, so what is judged is what they serve.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../editors/fleet.ts';
import { Guard } from '../guard.ts';
import { readHistory } from '../history/history-file.ts';
import { HistoryRecorder } from '../history/recorder.ts';
import { seededRandom } from '../random.ts';
import { holdsWithin, mono, pause } from './clock.ts';
import { divergenceOf, isSettled } from './divergence.ts';
import type { NodeAddress } from './observer.ts';
import type { RunOptions } from './options.ts';
import type { Outcome } from './outcome.ts';
import { conclude } from './perform.ts';
import { presenceSettled } from './presence.ts';
import { readAll } from './read-all.ts';
import { Sampler } from './sampler.ts';

const CONNECT_TIMEOUT_MS = 60_000;
const PATIENCE = 4;
const TELL_MS = 2_000;
const OPS_PER_SECOND = 4;

export interface AttachOptions extends RunOptions {
  readonly urls: readonly string[];
  readonly token: string | null;
}

export async function performAttached(options: AttachOptions): Promise<Outcome> {
  const { say, urls, token, seconds, seed } = options;
  const startedMono = mono();
  const startedAt = new Date();
  const guard = new Guard();
  const folder = mkdtempSync(join(tmpdir(), 'syncline-chaos-'));
  guard.watchFolder(folder);
  const recorder = new HistoryRecorder({ mono, wall: Date.now });
  const random = seededRandom(seed);
  const nodes = urls.map((url): NodeAddress => ({ node: new URL(url).host, url, token }));
  // Not again the documents of an earlier run: what somebody else wrote would be phantoms.
  const run = Math.floor(Date.now() / 1_000).toString(36);
  const docs = Array.from({ length: options.documents }, (_, index) => `chaos-${run}-${index + 1}`);
  for (const { node } of nodes) {
    recorder.record('driver', { f: 'node', node, region: 'attached', type: 'ready' });
  }
  try {
    const fleet = await Fleet.open({
      places: nodes,
      docs,
      editors: options.editors,
      opsPerSecond: OPS_PER_SECOND,
      level: options.level,
      roams: true,
      random: random.fork(),
      folder,
      guard,
    });
    const sampler = new Sampler({
      nodes,
      fleet,
      recorder,
      startedMono,
      onReport: () => undefined,
    });
    const isReady = await holdsWithin(CONNECT_TIMEOUT_MS, async () =>
      (await fleet.looks(false)).every(({ isSynced }) => isSynced),
    );
    if (!isReady) throw new Error('not every editor could connect');
    await sampler.start();
    await fleet.order({ do: 'type' });
    say(`editing ${docs.join(', ')} for ${seconds} s: break what you like`);
    const endMono = mono() + seconds * 1_000;
    while (mono() < endMono) {
      await pause(Math.min(TELL_MS, Math.max(0, endMono - mono())));
      const { looks, ops, acked } = await fleet.report(false);
      const apart = [...divergenceOf(looks)].filter(([, { elements }]) => elements > 0);
      const where = apart.map(([node, { elements }]) => `${node} by ${elements}`).join(', ');
      say(
        `${Math.round((mono() - startedMono) / 1_000)} s  ${ops} edits, ${ops - acked} unacked, ${where === '' ? 'all alike' : `apart: ${where}`}`,
      );
    }
    await fleet.order({ do: 'rest' });
    say('no more edits; waiting until every editor is connected and acked: heal everything now');
    await holdsWithin(CONNECT_TIMEOUT_MS, async () =>
      (await fleet.looks(false)).every(
        ({ isSynced, isReading, unacked }) => isSynced && !isReading && unacked === 0,
      ),
    );
    await fleet.order({ do: 'pin' });
    recorder.record('driver', { f: 'mark', name: 'quiet' });
    const isEqual = await holdsWithin(
      options.convergeMsMax * PATIENCE,
      async () => {
        await fleet.order({ do: 'record', phase: 'settled' });
        return isSettled(await fleet.looks(false));
      },
      200,
    );
    say(isEqual ? 'all copies agree' : 'NOT all copies agree');
    say(await presenceSettled(fleet, options.patience));
    await fleet.order({ do: 'record', phase: 'settled' });
    await readAll(recorder, nodes, docs, 'settled', false);
    recorder.record('driver', { f: 'mark', name: 'settled' });
    sampler.stop();
    await fleet.destroy();
    recorder.record('driver', { f: 'mark', name: 'writers-destroyed' });
    await readAll(recorder, nodes, docs, 'final', false);
    recorder.record('driver', { f: 'mark', name: 'end' });
    const crews = await Promise.all(
      fleet.historyPaths.map(async (path) => await readHistory(path)),
    );
    return conclude({
      scenario: {
        id: 'attach',
        title: `an existing cluster: ${nodes.map(({ node }) => node).join(', ')}`,
      },
      options,
      history: [...recorder.history, ...crews.flat()].toSorted((a, b) => a.mono - b.mono),
      expectations: { convergeMsMax: options.convergeMsMax },
      facts: {
        startedAt,
        startedMono,
        durationMs: mono() - startedMono,
        topology: {
          regions: ['attached'],
          nodes: nodes.map(({ node }) => ({ id: node, region: 'attached' })),
          redises: [],
          links: [],
        },
        faults: [],
        samples: sampler.samples,
        documents: docs.length,
      },
      unproven: [],
      isAllSkipped: false,
    });
  } finally {
    await guard.end();
  }
}
