import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterpriseSchema, groupSchema, startScimd, type TestServer, userSchema } from '../server.ts';
import { definitions } from './definitions.ts';

let server: TestServer;
before(async () => {
  server = await startScimd({ idp: 'strict' });
});
after(() => server.close());

interface Definition {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact?: boolean;
  readonly mutability: string;
  readonly returned: string;
  readonly uniqueness?: string;
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Definition[];
}

function facts(attribute: Definition, indent = ''): string[] {
  const words = [
    `${indent}${attribute.name}${attribute.multiValued ? '[]' : ''}`,
    attribute.type,
    ...(attribute.required ? ['required'] : []),
    ...(attribute.caseExact === true ? ['caseExact'] : []),
    ...(attribute.mutability === 'readWrite' ? [] : [attribute.mutability]),
    ...(attribute.returned === 'default' ? [] : [`returned=${attribute.returned}`]),
    ...(attribute.uniqueness === undefined || attribute.uniqueness === 'none'
      ? []
      : [`unique=${attribute.uniqueness}`]),
    ...(attribute.canonicalValues === undefined ? [] : [`(${attribute.canonicalValues.join('|')})`]),
    ...(attribute.referenceTypes === undefined ? [] : [`->${attribute.referenceTypes.join('|')}`]),
  ];
  return [words.join(' '), ...(attribute.subAttributes ?? []).flatMap((sub) => facts(sub, `${indent}  `))];
}

for (const [urn, expected] of Object.entries(definitions)) {
  test(`S-8-01: ${urn} is published as RFC 7643 §8.7 defines it`, async () => {
    const { json, status } = await server.request('GET', `/Schemas/${urn}`);
    assert.equal(status, 200);
    const published = json.attributes.flatMap((attribute: Definition) => facts(attribute));
    assert.deepEqual(published, expected.trim().split('\n'));
  });
}

test('S-8-01: /Schemas lists these six and no other', async () => {
  const { json } = await server.request('GET', '/Schemas');
  assert.deepEqual(
    json.Resources.map(({ id }: { id: string }) => id).sort(),
    Object.keys(definitions).sort(),
  );
});

/** A value for an attribute of this type; `path` makes it one that its format allows. */
function sample(attribute: Definition, path: string): unknown {
  const known: Readonly<Record<string, string>> = {
    profileUrl: 'https://example.com/me',
    preferredLanguage: 'en-US',
    locale: 'en-US',
    timezone: 'Europe/Zurich',
    userName: 'bjensen@example.com',
    'emails.value': 'bjensen@example.com',
    'photos.value': 'https://example.com/me.png',
    'addresses.country': 'US',
  };
  switch (attribute.type) {
    case 'boolean':
      return true;
    case 'binary':
      return 'MAMCAQE=';
    case 'reference':
      return 'https://example.com/x';
    case 'complex': {
      const subs = (attribute.subAttributes ?? []).filter((sub) => sub.mutability !== 'readOnly');
      return Object.fromEntries(subs.map((sub) => [sub.name, sample(sub, `${path}.${sub.name}`)]));
    }
    default:
      return known[path] ?? `a ${attribute.name}`;
  }
}

async function readable(urn: string): Promise<Definition[]> {
  const { json } = await server.request('GET', `/Schemas/${urn}`);
  return json.attributes.filter(
    (each: Definition) => each.mutability !== 'readOnly' && each.returned !== 'never',
  );
}

function body(attributes: readonly Definition[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map((each) => [
      each.name,
      each.multiValued ? [sample(each, each.name)] : sample(each, each.name),
    ]),
  );
}

/** A filter for each simple attribute and sub-attribute with the value that it was given. */
function filters(attributes: readonly Definition[], prefix = ''): string[] {
  return attributes.flatMap((each) => {
    const subs = (each.subAttributes ?? []).filter((sub) => sub.mutability !== 'readOnly');
    if (each.type === 'complex')
      return subs.map(
        (sub) =>
          `${prefix}${each.name}.${sub.name} eq ${JSON.stringify(sample(sub, `${each.name}.${sub.name}`))}`,
      );
    return [`${prefix}${each.name} eq ${JSON.stringify(sample(each, each.name))}`];
  });
}

test('S-8-02: every attribute that is advertised for users and groups can be written, read and found', async () => {
  const [user, enterprise, group] = [
    await readable(userSchema),
    await readable(enterpriseSchema),
    await readable(groupSchema),
  ];
  assert.deepEqual([user.length, enterprise.length, group.length], [19, 6, 2]);
  const values = { ...body(user), [enterpriseSchema]: body(enterprise) };
  const post = await server.request('POST', '/Users', {
    body: { schemas: [userSchema, enterpriseSchema], ...values },
  });
  assert.equal(post.status, 201, post.text);
  const { schemas: _, id, meta: __, ...rest } = (await server.request('GET', `/Users/${post.json.id}`)).json;
  assert.deepEqual(rest, values);
  const all = [...filters(user), ...filters(enterprise, `${enterpriseSchema}:`)];
  assert.ok(all.length > 50);
  for (const filter of all) {
    const { json, status, text } = await server.request('GET', `/Users?${new URLSearchParams({ filter })}`);
    assert.equal(status, 200, text);
    assert.deepEqual(
      json.Resources.map((each: { id: string }) => each.id),
      [id],
      filter,
    );
  }
  const members = [{ value: id }];
  const created = await server.request('POST', '/Groups', {
    body: { schemas: [groupSchema], displayName: 'G', members },
  });
  assert.equal(created.status, 201, created.text);
  for (const filter of [
    'displayName eq "g"',
    `members.value eq "${id}"`,
    'members.type eq "user"',
    `members.$ref eq "${server.base}/Users/${id}"`,
    'members.display eq "a displayname"',
  ]) {
    const { json, text } = await server.request('GET', `/Groups?${new URLSearchParams({ filter })}`);
    assert.equal(json.totalResults, 1, `${filter} ${text}`);
  }
});
