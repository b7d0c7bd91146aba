/**
 * A statement that SQLite compiles when it is first used: a store has some two hundred, of which a start and the first
 * answers need few, and all together they took a tenth of the start.
 */
import type { ColumnDefinition, Database, RunResult, Statement } from 'better-sqlite3';

export class LateStatement implements Statement<unknown[], unknown> {
  readonly database: Database;
  readonly source: string;
  readonly #compile: () => Statement<unknown[], unknown>;
  #compiled: Statement<unknown[], unknown> | undefined;

  constructor(database: Database, source: string, compile: () => Statement<unknown[], unknown>) {
    this.database = database;
    this.source = source;
    this.#compile = compile;
  }

  /** How rows are given, until it is compiled. */
  #form: 'raw' | 'pluck' | undefined;

  get #own(): Statement<unknown[], unknown> {
    return this.#compiled ?? this.#compileNow();
  }

  #compileNow(): Statement<unknown[], unknown> {
    const compiled = this.#compile();
    if (this.#form !== undefined) compiled[this.#form]();
    this.#compiled = compiled;
    return compiled;
  }

  get reader(): boolean {
    return this.#own.reader;
  }

  get readonly(): boolean {
    return this.#own.readonly;
  }

  get busy(): boolean {
    return this.#own.busy;
  }

  run(...parameters: unknown[]): RunResult {
    return this.#own.run(...parameters);
  }

  get(...parameters: unknown[]): unknown {
    return this.#own.get(...parameters);
  }

  all(...parameters: unknown[]): unknown[] {
    return this.#own.all(...parameters);
  }

  iterate(...parameters: unknown[]): IterableIterator<unknown> {
    return this.#own.iterate(...parameters);
  }

  raw(toggle = true): this {
    if (toggle && this.#compiled === undefined) this.#form = 'raw';
    else this.#own.raw(toggle);
    return this;
  }

  pluck(toggle = true): this {
    if (toggle && this.#compiled === undefined) this.#form = 'pluck';
    else this.#own.pluck(toggle);
    return this;
  }

  expand(toggle = true): this {
    this.#own.expand(toggle);
    return this;
  }

  bind(...parameters: unknown[]): this {
    this.#own.bind(...parameters);
    return this;
  }

  columns(): ColumnDefinition[] {
    return this.#own.columns();
  }

  safeIntegers(toggle = true): this {
    this.#own.safeIntegers(toggle);
    return this;
  }
}
