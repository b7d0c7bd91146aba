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

export class FieldsResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  #lines = '';
  /** Did writeHead come by here? */
  isTold = false;

  /**
   * As writeHead, of fields whose names and values alternate. `others` are those of the connection and of the body.
   * @throws TypeError where a value has a character that none may have.
   */
  writeFields(status: number, fields: readonly string[], others: string[]): this {
    if (!takesLines) return this.writeHead(status, [...fields, ...others]);
    let lines = '';
    for (let at = 0; at < fields.length; at += 2) {
      const [name, value] = [fields[at] as string, fields[at + 1] as string];
      if (notInValues.test(value)) throw new TypeError(`The field ${name} has no such value`);
      if (name === 'Connection') others.push(name, value);
      else lines += `${name}: ${value}\r\n`;
    }
    this.#lines = lines;
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
