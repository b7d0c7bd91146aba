/** An identity provider in a test: its headers, its requests, and a scimd of its own that answers them. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import {
  type Answer,
  enterpriseSchema,
  groupSchema,
  patchOp,
  startScimd,
  type TestServer,
} from '../server.ts';

type Headers = Readonly<Record<string, string | null>>;
// biome-ignore lint/suspicious/noExplicitAny: tests look into resources of any shape
type Resource = any;
type Members = Readonly<Record<string, unknown>>;

export interface Provider {
  readonly server: () => TestServer;
  send(method: string, path: string, body?: unknown, headers?: Headers): Promise<Answer>;
  /** A user as providers make them, with name, e-mail and `active`. */
  user(more?: Members): Promise<Resource>;
  group(members?: readonly Resource[], more?: Members): Promise<Resource>;
  /** Sends the operations, which must succeed, and reads the resource anew. */
  patch(resource: Resource, ...operations: readonly Members[]): Promise<Resource>;
  read(resource: Resource): Promise<Resource>;
  /** Sends a filter, percent-encoded, and answers the ids found. */
  find(endpoint: string, filter: string, more?: string): Promise<string[]>;
}

let count = 0;

/** Call it once at the top of a test file: it starts the server before the tests and ends it after them. */
export function provider(headers: Headers = {}): Provider {
  let server: TestServer;
  before(async () => {
    server = await startScimd();
  });
  after(() => server.close());
  const send: Provider['send'] = (method, path, body, more = {}) =>
    server.request(method, path, {
      ...(body === undefined ? {} : { body }),
      headers: { ...headers, ...more },
    });
  const create = async (endpoint: string, body: Members): Promise<Resource> => {
    const answer = await send('POST', endpoint, body);
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  };
  const read: Provider['read'] = async (resource) => {
    const answer = await send('GET', pathOf(resource));
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  return {
    server: () => server,
    send,
    read,
    user: (more) => create('/Users', person(more)),
    group: (members = [], more = {}) =>
      create('/Groups', {
        schemas: [groupSchema],
        displayName: `Team ${++count}`,
        ...(members.length === 0 ? {} : { members: members.map(({ id }) => ({ value: id })) }),
        ...more,
      }),
    async patch(resource, ...operations) {
      const answer = await send('PATCH', pathOf(resource), patchOp(...operations));
      assert.ok(answer.status === 200 || answer.status === 204, answer.text);
      const now = await read(resource);
      if (answer.status === 200)
        assert.deepEqual(answer.json, now, 'the answer is the resource as it now is');
      return now;
    },
    async find(endpoint, filter, more = '') {
      const answer = await send('GET', `${endpoint}?filter=${encodeURIComponent(filter)}${more}`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(typeof answer.json.totalResults, 'number');
      return (answer.json.Resources ?? []).map(({ id }: Resource) => id);
    },
  };
}

/** A user to POST. */
export function person(more: Members = {}): Record<string, unknown> {
  const userName = `person${++count}@example.com`;
  return {
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:User',
      ...(more[enterpriseSchema] === undefined ? [] : [enterpriseSchema]),
    ],
    userName,
    name: { givenName: 'Nora', familyName: 'Vance' },
    emails: [{ value: userName, type: 'work', primary: true }],
    active: true,
    ...more,
  };
}

export function pathOf(resource: Resource): string {
  return `/${resource.meta.resourceType}s/${resource.id}`;
}

/** The ids of a group's members, in no order. */
export function memberIds(group: Resource): string[] {
  return (group.members ?? []).map(({ value }: Resource) => value).sort();
}
