/** The part of sql.js that tests use; it ships no types. */
declare module 'sql.js' {
  export interface Database {
    run(sql: string, params?: readonly unknown[]): void;
    export(): Uint8Array;
    close(): void;
  }
  export default function initSqlJs(): Promise<{ readonly Database: new () => Database }>;
}
