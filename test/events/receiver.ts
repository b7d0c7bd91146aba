/** A receiver of webhooks on a real socket, that verifies what it gets with the standardwebhooks package. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Event } from '../../src/events/event.ts';
import { newWebhookSecret } from '../../src/events/webhook/signature.ts';

export interface Received {
  readonly id: string;
  readonly body: string;
  readonly events: readonly Event[];
  readonly at: number;
}

export interface Receiver {
  readonly url: string;
  /** Of the endpoint; may be told when there is one, as long as nothing is sent yet. */
  secret: string;
  readonly received: Received[];
  /** Events of all messages that were taken, in their order. */
  events(): Event[];
  /** What the next messages are answered; a status, or what does it. 204 without it. */
  answer:
    | ((message: Received, response: ServerResponse, request: IncomingMessage) => number | undefined)
    | undefined;
  /** Messages that are being answered at once, at most. */
  mostAtOnce: number;
  /** Are messages taken whatever their time is? For tests whose sender's clock goes ahead. */
  anyTime: boolean;
  readonly connections: Set<unknown>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  let atOnce = 0;
  const server = createServer(async (request, response) => {
    receiver.connections.add(request.socket);
    receiver.mostAtOnce = Math.max(receiver.mostAtOnce, ++atOnce);
    response.once('close', () => {
      atOnce--;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const webhook = new Webhook(receiver.secret);
    try {
      const {
        'webhook-id': id,
        'webhook-timestamp': seconds,
        'webhook-signature': signature,
      } = request.headers;
      if (!receiver.anyTime) webhook.verify(body, request.headers as Record<string, string>);
      else if (webhook.sign(String(id), new Date(Number(seconds) * 1000), body) !== signature)
        throw new Error('no signature fits');
    } catch (error) {
      response.writeHead(400).end(String(error));
      return;
    }
    const message = JSON.parse(body);
    const received: Received = {
      id: String(request.headers['webhook-id']),
      body,
      events: message.type === 'batch' ? message.events : [message],
      at: performance.now(),
    };
    const status = receiver.answer === undefined ? 204 : receiver.answer(received, response, request);
    if (status === undefined) return;
    if (status >= 200 && status < 300) receiver.received.push(received);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret: newWebhookSecret(),
    received: [],
    events: () => receiver.received.flatMap(({ events }) => events),
    answer: undefined,
    mostAtOnce: 0,
    anyTime: false,
    connections: new Set(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
