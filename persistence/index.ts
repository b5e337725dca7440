/**
 * Persistence: documents as lists of updates, acknowledged when they are on disk. `store.ts` is the contract;
 * two stores keep it. Depends on nothing else in this repository.
 */
export { systemClock, type StoreClock } from './clock.ts';
export { LevelStore } from './level-store.ts';
export type { LevelStoreOptions } from './level-store-options.ts';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { PORTABLE_SPACES, type OfflineRecords } from './offline-records.ts';
export { OfflineFolder, type OfflineDocument } from './offline.ts';
export { repairFolder, type Choice, type RepairReport, type Salvaged } from './repair.ts';
export * from './store.ts';
