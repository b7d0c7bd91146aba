declare module 'bun:sqlite' {
  export class Database {
    constructor(file: string);
    prepare(text: string): { all(...parameters: never[]): unknown[]; run(...parameters: never[]): unknown };
    query(text: string): { run(...parameters: readonly string[]): unknown };
  }
}
