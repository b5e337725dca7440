/** The part of sql.js that is used here; it ships no types. */
declare module 'sql.js' {
  export interface Statement {
    step(): boolean;
    get(): readonly (number | string | Uint8Array | null)[];
    free(): boolean;
  }
  export interface Database {
    prepare(sql: string): Statement;
    close(): void;
  }
  export interface SqlJs {
    readonly Database: new (data: Uint8Array) => Database;
  }
  export default function initSqlJs(): Promise<SqlJs>;
}
