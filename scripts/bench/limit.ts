/**
 * The limit: what node:http and better-sqlite3 alone reach on this machine, without any protocol. `limit.ts USERS
 * FILE`, a copy of scimd's database; the parent says what to answer next:
 * - `same`: always the same bytes, those that scimd answered
 * - `select`: the rows of a page, written as they are
 * - `insert`: the rows of one more user, committed with those of the other requests of the turn
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { bareInserts } from './inserts.ts';

/** What the parent sends. */
export interface LimitTask {
  readonly mode: 'same' | 'select' | 'insert';
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
  readonly rows: number;
}

const [users = '0', file = ''] = process.argv.slice(2);
const db = openConnection(file);
const inserts = bareInserts(db, Number(users));
const begin = db.prepare('BEGIN IMMEDIATE');
const commit = db.prepare('COMMIT');
const page = db
  .prepare<[number], [id: string, version: number, created: string, modified: string, body: string]>(
    `SELECT r.id, r.version, r.created, r.modified, d.body FROM resource r JOIN document d ON d.rid = r.rid
     WHERE r.tenant = 1 AND r.type = 1 ORDER BY r.rid LIMIT ?`,
  )
  .raw();
let task: LimitTask = { mode: 'same', status: 204, headers: [], text: '', rows: 0 };
let number = Number(users) + 1_000_000;
let waiting: ServerResponse[] = [];

function send(response: ServerResponse, text: string): void {
  if (task.status === 204) response.writeHead(task.status, [...task.headers]).end();
  else
    response
      .writeHead(task.status, [...task.headers, 'Content-Length', String(Buffer.byteLength(text))])
      .end(text);
}

function flush(): void {
  const responses = waiting;
  waiting = [];
  begin.run();
  for (const _ of responses) inserts.insert(++number);
  commit.run();
  for (const response of responses) send(response, task.text);
}

function selected(base: string): string {
  const texts = page
    .all(task.rows)
    .map(
      ([id, version, created, modified, body]) =>
        `${body.slice(0, -1)},"meta":{"resourceType":"User","created":"${created}Z","lastModified":"${modified}Z","location":"${base}/Users/${id}","version":"W/\\"${version}\\""}}`,
    );
  return `{"Resources":[${texts.join(',')}]}`;
}

const server = createServer((request, response) => {
  switch (task.mode) {
    case 'same':
      if (request.method === 'GET') send(response, task.text);
      else request.resume().on('end', () => send(response, task.text));
      break;
    case 'select':
      send(response, selected(`http://${request.headers.host}/scim/v2`));
      break;
    case 'insert':
      request.resume().on('end', () => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push(response);
      });
  }
});
process.on('message', (message: LimitTask | 'usage') => {
  if (message === 'usage') return;
  task = message;
  // What the rows are made of is computed before the clock runs.
  if (task.mode === 'insert')
    inserts.prepare(Array.from({ length: task.rows }, (_, index) => number + 1 + index));
  process.send?.('done');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`);
