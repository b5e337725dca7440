/**
 * Limits of the update check: what a single Yjs update may contain. Each has a reason; sizes of frames,
 * documents and queues are configuration (server/options.ts), these are properties of the format.
 */
export const UPDATE_LIMITS = {
  /** Random: 32 bits in Yjs 13, 53 in Yjs 14 (@y/y, Transaction.js). */
  clientIdMax: 0x1f_ffff_ffff_ffff,
  /**
   * Highest clock of a client, 2^36: what nobody types in a lifetime, and far below 2^53. There is no limit on
   * the length of one struct besides: Yjs merges what is deleted, so that lengths add up to clocks.
   */
  clockMax: 0x10_0000_0000,
  structsMax: 2_000_000,
  /** A recorded session of 77,463 deletions leaves 2,639 ranges; 200,000 take Yjs 72 MB of heap to read. */
  deleteRangesMax: 100_000,
  /** Every tab is a client: a new one every ten minutes for a year. */
  clientsMax: 50_000,
  /** Root types that one update may name; they can never be collected. */
  rootTypesMax: 1_024,
  /** Nesting of JSON and Any content: `JSON.stringify` overflows its stack near 5,000. */
  contentDepthMax: 64,
  /** Items in one update that Yjs' conflict scan may have to walk over one another (quadratic). */
  conflictsMax: 512,
} as const;

/** Updates above this size are scanned in a worker thread: bytes. */
export const INLINE_SCAN_BYTES_MAX: number = 64 * 1024;

/** Bases are cut into chunks of about this size: bytes. */
export const BASE_CHUNK_BYTES: number = 256 * 1024;
