/** One thread of the campaign: runs its batches and reports each. */
import { parentPort, workerData } from 'node:worker_threads';
import { isSeeded } from '../support/seeded-crypto.ts';
import { runBatch } from './campaign.ts';

if (!isSeeded) throw new Error('chance would come in');

for (const batch of workerData as readonly number[]) parentPort?.postMessage(runBatch(batch), []);
