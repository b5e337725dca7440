/** One thread of the campaign: runs its batches and reports each. */
import { parentPort, workerData } from 'node:worker_threads';
import { runBatch } from './campaign.ts';

for (const batch of workerData as readonly number[]) parentPort?.postMessage(runBatch(batch), []);
