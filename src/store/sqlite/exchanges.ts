/** The exchange log in an SQLite file of its own. All of it is synchronous: it belongs into a thread, or a command. */
import type { Database, Statement } from 'better-sqlite3';
import {
  type Asked,
  type ExchangeLogLimits,
  type ExchangePage,
  type ExchangeQuery,
  type ForgottenPerson,
  type LoggedExchange,
  mentionKey,
  mergedPages,
  type NewExchange,
  type TokenTraffic,
  type TrafficCounts,
  type WholeExchange,
} from '../exchanges.ts';
import { openExchangeFile } from './exchange-file.ts';
import { keyOf, Mentions, mentioning } from './exchange-mentions.ts';
import { Tallies } from './exchange-tallies.ts';
import { RowBatches } from './row-batches.ts';

/** Exchanges that one page looks through at most, so that it is there soon; the next one goes on where it ended. */
const lookedThrough = 25_000;
/** Exchanges that are removed in one transaction. */
const removedAtOnce = 2000;
/** Characters of a body that may stand in its exchange: whoever looks through exchanges reads them too. */
const shortBody = 512;

/** What stands in columns of its own, and what in the text beside them. */
type Packed = Omit<LoggedExchange, 'id' | 'at' | 'tenant' | 'status' | 'method' | 'requestId'>;

interface Row {
  readonly id: number;
  readonly tenant: number | null;
  readonly status: number;
  readonly method: string;
  readonly request: string;
  readonly entry: string;
}

const columns = 'id, tenant, status, method, request, entry';

export class SqliteExchanges {
  readonly #db: Database;
  readonly #rows: RowBatches;
  readonly #bodies: RowBatches;
  readonly #tallies: Tallies;
  readonly #credential: Statement<[string, string | null, number | null], number>;
  readonly #used: Statement<[number, number]>;
  readonly #newest: Statement<[], number | null>;
  readonly #credentials = new Map<string, number>();
  readonly #mentions: Mentions;

  /** @throws StoreError where the file cannot be opened, or is something else. */
  constructor(file: string) {
    this.#db = openExchangeFile(file);
    const db = this.#db;
    const columns = '(id, tenant, credential, status, method, request, entry, sent)';
    this.#rows = new RowBatches(db, `INSERT INTO exchange ${columns}`, '(?, ?, ?, ?, ?, ?, ?, ?)', 16);
    // The ellipsis is put on here: in the text it would double the bytes of every character, and the time to hand it over.
    const body = "(?, ? || iif(?, '…', ''), ? || iif(?, '…', ''))";
    this.#bodies = new RowBatches(db, 'INSERT INTO body', body, 16);
    this.#mentions = new Mentions(db);
    this.#tallies = new Tallies(db);
    this.#credential = db
      .prepare<[string, string | null, number | null], number>(
        `INSERT INTO credential (token, name, tenant) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET name = excluded.name, tenant = excluded.tenant RETURNING number`,
      )
      .pluck();
    this.#used = db.prepare('UPDATE credential SET last = ? WHERE number = ?');
    this.#newest = db.prepare<[], number | null>('SELECT max(id) FROM exchange').pluck();
  }

  /** Writes them in one transaction, one after the other as they come. */
  write(exchanges: Iterable<NewExchange>): void {
    const used = new Map<number, number>();
    const run = this.#db.transaction(() => {
      // Another server of the same file may have written.
      let last = this.#newest.get() ?? 0;
      let by: NewExchange | undefined;
      let credential: number | null = null;
      const parts = [this.#rows, this.#bodies, this.#mentions, this.#tallies];
      for (const part of parts) part.begin();
      for (const each of exchanges) {
        last = Math.max(last + 1, each.at * 1024);
        const { token, tokenName } = each;
        // Those that come after one another mostly have one token.
        if (by === undefined || by.token !== token || by.tokenName !== tokenName)
          credential = token === undefined ? null : this.#credentialOf(token, each);
        by = each;
        this.#insertOne(last, credential, each);
        this.#tallies.add(each);
        if (credential !== null) used.set(credential, last);
      }
      for (const part of parts) part.end();
      for (const [credential, id] of used) this.#used.run(id, credential);
    });
    try {
      run.immediate();
    } catch (error) {
      this.#credentials.clear();
      throw error;
    }
  }

  #credentialOf(token: string, { tokenName, tenant }: NewExchange): number {
    const key = `${token} ${tokenName}`;
    let number = this.#credentials.get(key);
    if (number === undefined) {
      number = this.#credential.get(token, tokenName ?? null, tenant ?? null) as number;
      this.#credentials.set(key, number);
      // JWTs name whom they like.
      if (this.#credentials.size > 10_000) this.#credentials.clear();
    }
    return number;
  }

  #insertOne(id: number, credential: number | null, each: NewExchange): void {
    const { tenant, status, method, requestId, mentions, sent, isSentCut, answered, isAnsweredCut } = each;
    const entry = JSON.stringify(packed(each));
    const isShort = answered === undefined && !isSentCut && sent !== undefined && sent.length <= shortBody;
    const inRow = isShort ? sent : null;
    this.#rows.add(id, tenant ?? null, credential, status, method, requestId, entry, inRow);
    if (!isShort && (sent !== undefined || answered !== undefined))
      this.#bodies.add(id, sent ?? null, isSentCut ? 1 : 0, answered ?? null, isAnsweredCut ? 1 : 0);
    this.#mentions.add(id, mentions);
  }

  /**
   * One index finds them, that of the condition which is kept by the fewest; the others are looked at on the way, and only so
   * far that a page is soon there.
   */
  find(query: ExchangeQuery): ExchangePage {
    const { orNobody, ...own } = query;
    if (orNobody !== true || typeof own.tenant !== 'number') return this.#find(own);
    return mergedPages(own, [this.#find(own), this.#find({ ...own, tenant: null })]);
  }

  #find(query: ExchangeQuery): ExchangePage {
    const { before, after, since, about, status, tenant, token, method, requestId } = query;
    const isRefused = status === 'error' || /^[45]/.test(status ?? '');
    const near: Condition[] = [];
    const far: Condition[] = [];
    let index = '';
    /** The first that comes is what the index is of. */
    const by = (name: string | undefined, sql: string, ...values: unknown[]): void => {
      const isFirst = name !== undefined && index === '';
      if (isFirst) index = name === '' ? ' ' : ` INDEXED BY ${name}`;
      (isFirst ? near : far).push({ sql, values });
    };
    if (about !== undefined && about.length > 0) {
      const keys = about.map((text) => keyOf(mentionKey(text)));
      const end = before === undefined ? '' : ' AND id < ?';
      by(
        '',
        `id IN (SELECT id ${mentioning(keys)}${end} ORDER BY id DESC LIMIT 2000)`,
        ...keys,
        ...(before === undefined ? [] : [before]),
      );
    }
    if (isRefused) by('exchange_refused', 'status >= 400');
    if (token !== undefined) {
      const numbers = this.#credentialsNamed(token);
      by('exchange_credential', `credential IN (${marks(numbers)})`, ...numbers);
    }
    if (tenant === null) by('exchange_tenant', 'tenant IS NULL');
    else if (tenant !== undefined) by('exchange_tenant', 'tenant = ?', tenant);
    if (status !== undefined && status !== 'error')
      by(undefined, 'status BETWEEN ? AND ?', ...statusRange(status));
    if (method !== undefined) by(undefined, 'method = ?', method.toUpperCase());
    if (requestId !== undefined) by(undefined, 'request = ?', requestId);
    if (before !== undefined) near.push({ sql: 'id < ?', values: [before] });
    const from = Math.max(after ?? -1, since === undefined ? -1 : since * 1024 - 1);
    if (from >= 0) near.push({ sql: 'id > ?', values: [from] });
    // Whoever goes on from an exchange wants the next ones, not the newest.
    const order = after !== undefined && before === undefined ? 'ASC' : 'DESC';
    const inner = `FROM exchange${index}${where(near)} ORDER BY id ${order} LIMIT ${lookedThrough}`;
    const nearValues = near.flatMap(({ values }) => values);
    const rows = this.#db
      .prepare<unknown[], Row>(
        `SELECT ${columns} FROM (SELECT ${columns}, credential ${inner})${where(far)} LIMIT ?`,
      )
      .all(...nearValues, ...far.flatMap(({ values }) => values), query.limit);
    if (order === 'ASC') return { exchanges: rows.reverse().map(toExchange) };
    const exchanges = rows.map(toExchange);
    const last = exchanges.at(-1);
    if (exchanges.length === query.limit && last !== undefined) return { exchanges, before: last.id };
    const end = this.#db
      .prepare<unknown[], number>(`SELECT id ${inner} OFFSET ${lookedThrough - 1}`)
      .pluck()
      .get(...nearValues);
    return end === undefined ? { exchanges } : { exchanges, before: end };
  }

  /** With its bodies; undefined if there is none, or it is another tenant's. */
  get(id: number, tenant?: number): WholeExchange | undefined {
    const row = this.#db
      .prepare<[number], Row & { readonly sent: string | null; readonly answered: string | null }>(
        `SELECT exchange.id, tenant, status, method, request, entry, coalesce(exchange.sent, body.sent) AS sent, answered FROM exchange LEFT JOIN body ON body.id = exchange.id WHERE exchange.id = ?`,
      )
      .get(id);
    if (row === undefined || (tenant !== undefined && row.tenant !== tenant)) return undefined;
    const { sent, answered } = row;
    return {
      ...toExchange(row),
      ...(sent === null ? {} : { sent }),
      ...(answered === null ? {} : { answered }),
    };
  }

  /** The last exchange of each token. */
  latest(tenant?: number): TokenTraffic[] {
    const rows = this.#db
      .prepare<unknown[], Row & { readonly token: string }>(
        `SELECT e.id, e.tenant, e.status, e.method, e.request, e.entry, c.token FROM credential c JOIN exchange e ON e.id = c.last${tenant === undefined ? '' : ' WHERE c.tenant = ?'}`,
      )
      .all(...(tenant === undefined ? [] : [tenant]));
    return rows.map((row) => ({ token: row.token, last: toExchange(row) }));
  }

  /** How many there were in the last `parts` of `step` milliseconds; of these tenants, where 0 is of none. */
  counts(now: number, step: number, parts: number, tenants?: readonly number[]): TrafficCounts {
    return this.#tallies.counts(now, step, parts, tenants);
  }

  /** Removes what is older than is kept, and the oldest of what is too much; true while there is more to remove. */
  prune({ days, megabytes }: ExchangeLogLimits, now: number): boolean {
    const end = (now - days * 86_400_000) * 1024;
    const oldest = this.#db
      .prepare<[], number>(`SELECT max(id) FROM (SELECT id FROM exchange ORDER BY id LIMIT ${removedAtOnce})`)
      .pluck()
      .get();
    if (oldest === undefined || oldest === null) return false;
    const isLarge = this.#size() > megabytes * 1024 * 1024;
    const cut = isLarge ? oldest + 1 : Math.min(end, oldest + 1);
    const removed = this.#db
      .transaction(() => {
        const { changes } = this.#db.prepare('DELETE FROM exchange WHERE id < ?').run(cut);
        this.#db.prepare('DELETE FROM body WHERE id < ?').run(cut);
        this.#mentions.removeBefore(cut);
        this.#tallies.removeBefore(cut / 1024);
        return changes;
      })
      .immediate();
    return removed > 0 && (isLarge || removed === removedAtOnce);
  }

  /**
   * Blanks a person: bodies, names, queries and details of every exchange that is about them or has one of the texts in
   * it. Ids, times and statuses stay, as in the history. Answers how many exchanges it was.
   */
  forget({ tenant, id, texts }: ForgottenPerson): number {
    // As they stand in a path, and in JSON, too.
    const written = [id, ...texts].flatMap((text) => [
      ...[text, encodeURIComponent(text.toWellFormed()), JSON.stringify(text).slice(1, -1)],
    ]);
    const wanted = [...new Set(written.map(mentionKey))].filter((text) => text !== '');
    const places = ['b.sent', 'b.answered', 'e.entry', 'e.sent'];
    const has = places.flatMap((place) => wanted.map(() => `instr(lower(${place}), ?) > 0`)).join(' OR ');
    const keys = wanted.map(keyOf);
    const count = this.#db
      .transaction(() => {
        const found = this.#db
          .prepare<unknown[], { id: number; entry: string }>(
            `SELECT e.id, e.entry FROM exchange e LEFT JOIN body b ON b.id = e.id
WHERE (e.tenant = ? OR e.tenant IS NULL) AND (e.id IN (SELECT id ${mentioning(keys)}) OR ${has})`,
          )
          .all(tenant, ...keys, ...places.flatMap(() => wanted));
        const blank = this.#db.prepare('UPDATE exchange SET entry = ?, sent = NULL WHERE id = ?');
        const noBody = this.#db.prepare('DELETE FROM body WHERE id = ?');
        for (const each of found) {
          const {
            search: _1,
            detail: _2,
            name: _3,
            path,
            subject,
            ...rest
          } = JSON.parse(each.entry) as Packed;
          const isOfTheirs = subject?.toLowerCase() === id.toLowerCase();
          const names = (text: string): boolean => wanted.some((each) => text.toLowerCase().includes(each));
          const entry: Packed = {
            ...rest,
            // A path that names them otherwise than by the id is not kept either, nor what it is about.
            path: isOfTheirs || !names(path) ? path : '',
            ...(subject === undefined || (!isOfTheirs && names(subject)) ? {} : { subject }),
            asked: withoutValues(rest.asked),
          };
          blank.run(JSON.stringify(entry), each.id);
          noBody.run(each.id);
        }
        this.#mentions.removeOthers(
          found.map((each) => each.id),
          id,
        );
        return found.length;
      })
      .immediate();
    // What is taken out is not to stand in free pages, between the rows of a page that was split, or in the journal.
    this.#db.exec('VACUUM');
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    return count;
  }

  close(): void {
    this.#db.close();
  }

  #credentialsNamed(token: string): number[] {
    const known = this.#db
      .prepare<[string, string], number>(
        'SELECT number FROM credential WHERE token = ? OR lower(name) = lower(?)',
      )
      .pluck()
      .all(token, token);
    return known.length === 0 ? [-1] : known;
  }

  /** Bytes in use. */
  #size(): number {
    const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
      Number(this.#db.pragma(name, { simple: true })),
    ) as [number, number, number];
    return (pages - free) * size;
  }
}

interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function where(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;
}

/** As many question marks as there are values. */
function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

function statusRange(status: string | undefined): [number, number] {
  const digit = /^([1-5])xx$/i.exec(status ?? '')?.[1];
  if (digit !== undefined) return [Number(digit) * 100, Number(digit) * 100 + 99];
  const exact = Number(status);
  return [exact, exact];
}

/** What was asked, without what it says of anybody. */
function withoutValues(asked: Asked): Asked {
  switch (asked.kind) {
    case 'look-up':
      return { ...asked, value: '' };
    case 'list': {
      const { filter: _, ...rest } = asked;
      return rest;
    }
    case 'create':
      return { kind: 'create' };
    case 'update': {
      const { added: _1, removed: _2, ...rest } = asked;
      return rest;
    }
    default:
      return asked;
  }
}

/** By name: a copy of what is left of an object takes several times as long. */
function packed(each: NewExchange): { readonly [Name in keyof Packed]-?: Packed[Name] | undefined } {
  return {
    token: each.token,
    tokenName: each.tokenName,
    idp: each.idp,
    refused: each.refused,
    agent: each.agent,
    path: each.path,
    search: each.search,
    scimType: each.scimType,
    detail: each.detail,
    milliseconds: each.milliseconds,
    tolerances: each.tolerances,
    type: each.type,
    subject: each.subject,
    name: each.name,
    asked: each.asked,
  };
}

function toExchange({ id, tenant, status, method, request, entry }: Row): LoggedExchange {
  return {
    ...(JSON.parse(entry) as Packed),
    id,
    at: Math.floor(id / 1024),
    ...(tenant === null ? {} : { tenant }),
    ...{ status, method, requestId: request },
  };
}
