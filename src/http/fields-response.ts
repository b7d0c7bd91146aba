/**
 * Header fields that go out as they are written here. node:http looks at the name and the value of each, and whether it
 * concerns the connection; of ours it is known which do. Shown by the workload `get` of npm run bench.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';

type StoreHeader = (this: ServerResponse, statusLine: string, fields: unknown) => void;

/** What node:http's writeHead gives its status line to. */
const { _storeHeader: storeHeader } = ServerResponse.prototype as unknown as {
  readonly _storeHeader?: StoreHeader;
};

/** What no value may have: with a line end in it, it would be another field. */
const notInValues = /[^\t\x20-\x7e\x80-\xff]/;

const none: readonly string[] = [];

/** The fields as they go out, but for those of the connection, which go to the others. */
function linesOf(fields: readonly string[], others: string[]): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) {
    const [name, value] = [fields[at] as string, fields[at + 1] as string];
    if (notInValues.test(value)) throw new TypeError(`The field ${name} has no such value`);
    if (name === 'Connection') others.push(name, value);
    else lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

const sharedLines = new WeakMap<readonly string[], string>();

/** Those that many answers have are about no connection. */
function sharedLinesOf(fields: readonly string[]): string {
  let lines = sharedLines.get(fields);
  if (lines === undefined) {
    lines = linesOf(fields, []);
    sharedLines.set(fields, lines);
  }
  return lines;
}

export class FieldsResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  #lines = '';
  /** Did writeHead come by here? */
  isTold = false;

  /**
   * As writeHead, of fields whose names and values alternate. Of `shared`, an array that many answers have, the text is made
   * once. `others` are those of the connection and of the body.
   * @throws TypeError where a value has a character that none may have.
   */
  writeFields(
    status: number,
    fields: readonly string[],
    others: string[],
    shared: readonly string[] = none,
  ): this {
    if (!takesLines) return this.writeHead(status, [...fields, ...shared, ...others]);
    this.#lines = linesOf(fields, others) + sharedLinesOf(shared);
    return this.writeHead(status, others);
  }

  _storeHeader(statusLine: string, fields: unknown): void {
    this.isTold = true;
    storeHeader?.call(this, statusLine + this.#lines, fields);
  }
}

/** A node:http that came here in another way would leave the fields out. */
const takesLines = ((): boolean => {
  try {
    const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage;
    return new FieldsResponse(request).writeHead(204).isTold;
  } catch {
    return false;
  }
})();
