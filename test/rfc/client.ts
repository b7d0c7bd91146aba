/** A client of a test server with a tenant of its own, so that every total and every list is of what it made itself. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Answer, patchOp, type RequestOptions, type TestServer, type TokenOptions } from '../server.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
type Json = any;

export interface Client {
  readonly token: string;
  readonly tenant: string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** POSTs and asserts 201. */
  post(path: string, body: unknown, options?: RequestOptions): Promise<Answer>;
  /** POSTs, asserts 201 and gives the body. */
  create(path: string, body: unknown, options?: RequestOptions): Promise<Json>;
  /** GETs, asserts 200 and gives the body; parameters are encoded. */
  read(path: string, parameters?: Readonly<Record<string, string>>): Promise<Json>;
  /** The ids of all resources that a query finds. */
  find(
    path: string,
    filter: string,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<readonly string[]>;
  patch(path: string, ...operations: readonly Readonly<Record<string, unknown>>[]): Promise<Answer>;
  /** PATCHes, asserts 200 and gives the body. */
  patched(path: string, ...operations: readonly Readonly<Record<string, unknown>>[]): Promise<Json>;
}

export async function newClient(server: TestServer, options: TokenOptions = {}): Promise<Client> {
  const tenant = options.tenant ?? `tenant-${randomBytes(6).toString('hex')}`;
  const token = await server.newToken({ ...options, tenant });
  const request: Client['request'] = (method, path, more = {}) =>
    server.request(method, path, { token, ...more });
  const read: Client['read'] = async (path, parameters) => {
    const search = parameters === undefined ? '' : `?${new URLSearchParams(parameters)}`;
    const answer = await request('GET', path + search);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  const post: Client['post'] = async (path, body, more = {}) => {
    const answer = await request('POST', path, { ...more, body });
    assert.equal(answer.status, 201, answer.text);
    return answer;
  };
  const patch: Client['patch'] = (path, ...operations) =>
    request('PATCH', path, { body: patchOp(...operations) });
  return {
    token,
    tenant,
    request,
    read,
    post,
    create: async (path, body, more) => (await post(path, body, more)).json,
    async find(path, filter, parameters = {}) {
      const list = await read(path, { filter, count: '1000', ...parameters });
      return list.Resources.map((resource: { id: string }) => resource.id);
    },
    patch,
    async patched(path, ...operations) {
      const answer = await patch(path, ...operations);
      assert.equal(answer.status, 200, answer.text);
      return answer.json;
    },
  };
}
