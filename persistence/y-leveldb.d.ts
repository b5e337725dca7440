/**
 * y-leveldb ships types that its `exports` hide (0.2.0), so the part that is used here is declared by hand.
 */
declare module 'y-leveldb' {
  export const keyEncoding: {
    encode(parts: (string | number)[]): Uint8Array;
    decode(key: Uint8Array): (string | number)[];
  };
}
