/**
 * The limit: what node:http and better-sqlite3 alone reach on this machine, without any protocol. `limit.ts USERS FILE`, a
 * copy of scimd's database, or a path where none is. It reads the rows that an answer needs, and writes all those that
 * scimd writes; reads of one turn of the event loop share a transaction, writes are committed together and brought to the
 * disk as scimd's are. Where the parent says so it always answers with the same bytes instead: those of scimd.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { walSync } from '../../src/store/sqlite/durability.ts';
import { containsIndex } from './data.ts';
import { limitRows } from './limit-rows.ts';

/** What the parent sends: how to answer from now on. */
export type LimitTask =
  | { readonly mode: 'rows' }
  | {
      readonly mode: 'same';
      readonly status: number;
      readonly headers: readonly string[];
      readonly text: string;
    };

/** As group commit has it. */
const mostTurns = 3;

const [users = '0', file = ''] = process.argv.slice(2);
const db = openConnection(file);
db.pragma('synchronous = NORMAL');
db.prepare('SELECT 1 FROM tenant LIMIT 1').get();
const wal = walSync(file);
const rows = limitRows(db, configuredRegistry({ containsIndex: containsIndex(Number(users)) }), () => base);
const beginRead = db.prepare('BEGIN');
const beginWrite = db.prepare('BEGIN IMMEDIATE');
const commit = db.prepare('COMMIT');
let task: LimitTask = { mode: 'rows' };

interface Work {
  readonly response: ServerResponse;
  readonly status: number;
  /** The text of the answer, if it has any. */
  readonly run: () => string | undefined;
}

function send(response: ServerResponse, status: number, text: string | undefined): void {
  if (text === undefined) response.writeHead(status).end();
  else
    response
      .writeHead(status, [
        ...['Content-Type', 'application/scim+json'],
        ...['Content-Length', String(Buffer.byteLength(text))],
      ])
      .end(text);
}

function sendAll(
  work: readonly Work[],
  texts: readonly (string | undefined)[],
  durable: Promise<void> | undefined,
) {
  const answer = (): void => {
    for (const [index, { response, status }] of work.entries()) send(response, status, texts[index]);
  };
  if (durable === undefined) answer();
  else void durable.then(answer);
}

let reads: Work[] = [];

function readAll(): void {
  const work = reads;
  reads = [];
  beginRead.run();
  const texts = work.map(({ run }) => run());
  commit.run();
  sendAll(work, texts, wal.pending());
}

let writes: Work[] = [];

function gather(before: number, turns: number): void {
  const { length } = writes;
  if (length > 1 && length > before && turns < mostTurns) setImmediate(gather, length, turns + 1);
  else writeAll();
}

function writeAll(): void {
  const work = writes;
  writes = [];
  beginWrite.run();
  const texts = work.map(({ run }) => run());
  rows.finish();
  commit.run();
  sendAll(work, texts, wal.sync());
}

function readerOf(url: string): () => string {
  const [path = '', query = ''] = url.split('?', 2);
  const id = path.split('/')[4];
  if (id !== undefined) return () => rows.get(id);
  const parameters = new Map(query.split('&').map((part) => part.split('=', 2) as [string, string]));
  const count = Number(parameters.get('count') ?? 100);
  const filter = decodeURIComponent(parameters.get('filter') ?? '');
  if (filter === '') return () => rows.page(count);
  if (filter.startsWith('userName eq ')) return () => rows.byUserName(filter.slice(13, -1));
  const [, type = '', part = ''] = /^emails\[type eq "(\w+)" and value co "(.+)"\]$/.exec(filter) ?? [];
  if (part === '') throw new Error(`the limit knows no filter ${filter}`);
  return () => rows.byEmail(type, part, count);
}

function writeOf({ method, url = '' }: IncomingMessage, response: ServerResponse, body: string): Work {
  const [, , , kind, id = ''] = url.split('/');
  if (method === 'POST')
    return {
      ...{ response, status: 201 },
      run: kind === 'Groups' ? () => rows.createGroup(body) : () => rows.createUser(body),
    };
  return kind === 'Groups'
    ? { response, status: 204, run: () => rows.editMembers(id, body) }
    : { response, status: 200, run: () => rows.setActive(id, body) };
}

const server = createServer((request, response) => {
  if (task.mode === 'same') {
    const { status, headers, text } = task;
    response.writeHead(status, [...headers, 'Content-Length', String(Buffer.byteLength(text))]).end(text);
  } else if (request.method === 'GET') {
    if (reads.length === 0) setImmediate(readAll);
    reads.push({ response, status: 200, run: readerOf(request.url ?? '') });
  } else {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (writes.length === 0) setImmediate(gather, 0, 0);
      writes.push(
        writeOf(
          request,
          response,
          (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString(),
        ),
      );
    });
  }
});
process.on('message', (message: LimitTask | 'usage') => {
  if (message === 'usage') return;
  task = message;
  process.send?.('done');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
console.log(`listening on ${base}`);
