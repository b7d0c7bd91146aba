/** The client of the feed where the network, or a proxy on the way, misbehaves: real sockets, answers by hand. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { acknowledge, type ConsumeOptions, consume, snapshot } from '../../src/consumer.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Answers the first requests by one after the other of `answers`, and the rest by the last. */
async function startAnswers(...answers: RequestListener[]): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    answers[Math.min(asked++, answers.length - 1)]?.(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

const json = { 'content-type': 'application/json' };
const page = '{"events":[{"id":"evt_1","type":"user.created","position":"1"}],"position":"1","more":false}';
const good: RequestListener = (_request, response) => response.writeHead(200, json).end(page);

/** The id of the first event, and why it was asked for again before. */
async function firstOf(
  url: string,
  more: Partial<ConsumeOptions> = {},
): Promise<[string | undefined, ...string[]]> {
  const failures: string[] = [];
  const onRetry = ({ message }: Error): void => void failures.push(message);
  const events = consume({ url, token: 't', position: '0', onRetry, ...more });
  const { value } = await events.next();
  await events.return();
  return [value?.id, ...failures];
}

test('an answer that breaks off in its middle is asked for again', async () => {
  const { url, asked } = await startAnswers((_request, response) => {
    response.writeHead(200, { ...json, 'content-length': page.length });
    response.write(page.slice(0, 20), () => response.destroy());
  }, good);
  const [id, ...failures] = await firstOf(url);
  assert.deepEqual([id, failures.length, asked()], ['evt_1', 1, 2]);
});

test('a connection that is lost without a word is given up, before its answer and within it', async () => {
  const { url } = await startAnswers(
    () => {},
    (_request, response) => void response.writeHead(200, json).write(page.slice(0, 20)),
    good,
  );
  // As if the answer were due half a second after the request.
  const [id, ...failures] = await firstOf(url, { wait: -29.5 });
  assert.equal(id, 'evt_1');
  assert.deepEqual(failures, Array(2).fill('nothing has come for 0.5 seconds'));
});

test('what a proxy answers while the server is away is waited out, with Retry-After in both forms', async () => {
  const soon = new Date(Date.now() + 2500).toUTCString();
  const { url } = await startAnswers(
    (_request, response) => response.writeHead(408).end(),
    (_request, response) => response.writeHead(503, { 'retry-after': '1' }).end('<html>'),
    (_request, response) => response.writeHead(429, { 'retry-after': soon }).end(),
    (_request, response) => response.writeHead(302, { location: '/sorry' }).end(),
    good,
  );
  const pauses: number[] = [];
  const events = consume({ url, token: 't', onRetry: (_error, pause) => void pauses.push(pause) });
  assert.equal((await events.next()).value?.id, 'evt_1');
  await events.return();
  assert.equal(pauses.length, 4);
  assert.ok((pauses[1] ?? 0) >= 1000, String(pauses));
});

test('a Retry-After of a year is a few minutes', async () => {
  const { url } = await startAnswers((_request, response) =>
    response.writeHead(503, { 'retry-after': '31536000' }).end(),
  );
  const controller = new AbortController();
  const pause = await new Promise<number>((resolve) => {
    const told = (_error: Error, milliseconds: number): void => resolve(milliseconds);
    void consume({ url, token: 't', signal: controller.signal, onRetry: told }).next();
  });
  controller.abort();
  assert.equal(pause, 300_000);
});

test('another address, or what is no scimd, is an error at once that says so', async () => {
  const moved = await startAnswers((_request, response) =>
    response.writeHead(301, { location: 'https://id.example.com/events' }).end(),
  );
  await assert.rejects(firstOf(moved.url), {
    name: 'ConsumerError',
    status: 301,
    message: 'the server is elsewhere, at https://id.example.com/events: mend url',
  });
  const site = await startAnswers((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  );
  const message = 'the answer is no JSON, but text/html: is url the address of scimd?';
  await assert.rejects(firstOf(site.url), { name: 'ConsumerError', status: 200, message });
  await assert.rejects(acknowledge({ url: site.url, token: 't' }, { consumer: 'app', position: '1' }), {
    message,
  });
});

test('a snapshot ends when its reader says so, also within it', async () => {
  const { url } = await startAnswers(
    (_request, response) =>
      void response
        .writeHead(200, { 'content-type': 'application/x-ndjson' })
        .write('{"type":"snapshot.begin","sequence":1,"counts":{}}\n{"type":"snapshot.item"}\n'),
  );
  const controller = new AbortController();
  const { items } = await snapshot({ url, token: 't', signal: controller.signal });
  assert.equal((await items.next()).value?.type, 'snapshot.item');
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(items.next(), { name: 'AbortError' });
});
