/**
 * Those who hear of changes, in a process of their own: a receiver of webhooks that takes everything, and consumers that
 * wait at the feed. In truth they are elsewhere, and cost the server its sockets alone. So this process has the processor
 * after the others and takes as little of it as it can: HTTP is read by hand, and answered byte for byte as node:http does,
 * which took half as much again. `audience.ts` prints the receiver's port. By messages: `{follow: {origin, token, count}}` begins so
 * many consumers, `leavers` is answered with the milliseconds from each deactivation to its acknowledgement since the
 * last time, `heard` with how many events have come.
 */
import { type AddressInfo, createServer } from 'node:net';
import { setPriority } from 'node:os';
import { type Connection, encode, Connection as Feed, type Target } from './client.ts';
import { scheduleAs } from './scheduling.ts';

interface Follow {
  readonly target: Target;
  readonly count: number;
}

setPriority(19);
// With a low priority alone it keeps a processor that the server wants for up to 4 ms.
if (!scheduleAs('--all-tasks', '--idle'))
  process.stderr.write('the audience has a low priority, and keeps the server waiting for up to 4 ms\n');

let leavers: number[] = [];
let heard = 0;

const timestamp = /"timestamp":"([^"]+)"/;
const types = /"type":"(?!batch)[a-z]+\.[a-z_]+","/g;

/** What node:http would answer. */
const answer = (): string =>
  `HTTP/1.1 204 No Content\r\nDate: ${new Date().toUTCString()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n\r\n`;

const endOfHead = Buffer.from('\r\n\r\n');
const length = /\r\ncontent-length: (\d+)/i;

function take(body: string): void {
  heard += body.match(types)?.length ?? 0;
  // Only what is sent by itself is timed.
  if (body.includes('"type":"user.deactivated"'))
    leavers.push(Date.now() - Date.parse(timestamp.exec(body)?.[1] ?? ''));
}

const receiver = createServer({ noDelay: true }, (socket) => {
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let end = held.indexOf(endOfHead); end !== -1; end = held.indexOf(endOfHead)) {
      const from = end + endOfHead.length;
      const to = from + Number(length.exec(held.toString('latin1', 0, end))?.[1] ?? 0);
      if (held.length < to) return;
      const body = held.toString('utf8', from, to);
      held = held.subarray(to);
      socket.write(answer(), () => take(body));
    }
  });
  socket.on('error', () => {});
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
console.log((receiver.address() as AddressInfo).port);

async function follow(target: Target): Promise<void> {
  const connection: Connection = await Feed.open(target);
  for (let position = 'now'; ; ) {
    const { text } = await connection.ask(
      encode(target, { method: 'GET', path: `/events?after=${position}&wait=30s&limit=1000` }),
    );
    heard += text.match(types)?.length ?? 0;
    position = /"position":"([\d.]+)","more":(?:true|false)\}$/.exec(text)?.[1] ?? position;
  }
}

process.on('message', (message: 'leavers' | 'heard' | { readonly follow: Follow }) => {
  if (message === 'leavers') {
    process.send?.({ leavers });
    leavers = [];
  } else if (message === 'heard') process.send?.({ heard });
  else {
    const { target, count } = message.follow;
    for (let each = 0; each < count; each++) follow(target).catch(() => {});
  }
});
process.on('disconnect', () => process.exit());
