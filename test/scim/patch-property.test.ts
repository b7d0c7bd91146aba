/**
 * PATCH over random schemas, resources and requests (RFC 7644 §3.5.2): after a success what was given is there, what was
 * named is gone and everything else is untouched; after a refusal nothing changed; the same request again changes nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ScimFilterError } from '../../grammar/index.ts';
import { ScimError } from '../../src/error.ts';
import { applyPatch } from '../../src/query/apply-patch.ts';
import type { PatchOperation } from '../../src/scim/resource-types.ts';
import { expected, Refused } from './patch-model.ts';
import {
  type Asked,
  asked,
  extensionUri,
  forms,
  nonsense,
  pathOf,
  resources,
  schemasOf,
  type World,
  worlds,
} from './patch-requests.ts';

type Resource = Readonly<Record<string, unknown>>;
type Mode = 'generic' | 'strict';

/** How often; more with SCIMD_PROPERTY_RUNS, from another start with SCIMD_PROPERTY_SEED. */
const numRuns = Number(process.env.SCIMD_PROPERTY_RUNS ?? 1500);
const seed = process.env.SCIMD_PROPERTY_SEED;
const parameters = { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) };
const modes = fc.constantFrom<Mode[]>('generic', 'strict');

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** The patched resource, or the refusal; whoever writes to what was given throws. */
function patched(
  world: World,
  resource: Resource,
  operations: readonly PatchOperation[],
  mode: Mode,
): Resource | 'refused' {
  try {
    return applyPatch(deepFreeze(resource), deepFreeze(operations), {
      schemas: schemasOf(world),
      tolerances: mode,
    }).resource;
  } catch (error) {
    assert.ok(error instanceof ScimError || error instanceof ScimFilterError, String(error));
    const { status, detail } = error.toJSON();
    assert.match(status, /^4\d\d$/);
    assert.ok(detail.length > 10, detail);
    return 'refused';
  }
}

/** What the model says, put into the resource with nothing else changed. */
function wanted(resource: Resource, { intent, inExtension }: Asked, mode: Mode): Resource | 'refused' {
  const container = (inExtension ? (resource[extensionUri] ?? {}) : resource) as Resource;
  const { name } = intent.attribute;
  try {
    const { [name]: before, ...others } = container;
    const after = expected(intent, before, mode === 'strict');
    const changed = after === undefined ? others : { ...others, [name]: after };
    if (!inExtension) return changed;
    const { [extensionUri]: _, ...rest } = resource;
    return Object.keys(changed).length === 0 ? rest : { ...rest, [extensionUri]: changed };
  } catch (error) {
    if (error instanceof Refused) return 'refused';
    throw error;
  }
}

/** Lists are sets; `schemas` follows from the rest. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value))
    return value
      .map(comparable)
      .map((each) => JSON.stringify(each))
      .sort();
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value)
    .filter((name) => name !== 'schemas')
    .sort();
  return Object.fromEntries(names.map((name) => [name, comparable((value as Resource)[name])]));
}

const requests = worlds.chain((world) =>
  resources(world).chain((resource) =>
    asked(world, resource).chain((request) =>
      fc.record({
        world: fc.constant(world),
        resource: fc.constant(resource),
        request: fc.constant(request),
        form: forms(request),
        mode: modes,
      }),
    ),
  ),
);

test('RFC 7644 §3.5.2: what is given is there, what is named is gone, everything else is untouched, or it is a 4xx', () => {
  fc.assert(
    fc.property(requests, ({ world, resource, request, form, mode }) => {
      const is = patched(world, resource, [form.operation], mode);
      const should =
        mode === 'strict' && form.strict === 'refused' ? 'refused' : wanted(resource, request, mode);
      assert.deepEqual(comparable(is), comparable(should));
    }),
    parameters,
  );
});

/** A path that selects by what the request changes selects something else the second time. */
function isRepeatable({ request: { intent } }: { readonly request: Asked }): boolean {
  const { op, filter, sub, subFilter, value } = intent;
  if (op === 'remove') return true;
  if (subFilter !== undefined || (filter !== undefined && intent.attribute.type !== 'complex')) return false;
  const changed = sub === undefined ? Object.keys(value ?? {}) : [sub.name];
  // A value that is replaced is replaced whole.
  return filter === undefined || (!changed.includes(filter.sub) && (op === 'add' || sub !== undefined));
}

test('RFC 7644 §3.5.2: a request that is sent again is as one that is sent once', () => {
  fc.assert(
    fc.property(requests.filter(isRepeatable), ({ world, resource, form, mode }) => {
      const once = patched(world, resource, [form.operation], mode);
      if (once === 'refused') return;
      const twice = patched(world, once, [form.operation], mode);
      if (twice !== 'refused' || mode === 'generic') assert.deepEqual(comparable(twice), comparable(once));
    }),
    parameters,
  );
});

test('RFC 7644 §3.5.2: several operations are each applied to what the one before left, all or none', () => {
  const several = requests.chain((first) =>
    fc.array(asked(first.world, first.resource), { maxLength: 3 }).map((others) => ({ ...first, others })),
  );
  fc.assert(
    fc.property(several, ({ world, resource, request, others, mode }) => {
      const all = [request, ...others];
      const operations = all.map((each): PatchOperation => {
        const { op, value } = each.intent;
        return { op, path: pathOf(each), ...(value === undefined ? {} : { value }) };
      });
      let should: Resource | 'refused' = resource;
      for (const each of all) if (should !== 'refused') should = wanted(should, each, mode);
      assert.deepEqual(comparable(patched(world, resource, operations, mode)), comparable(should));
    }),
    parameters,
  );
});

test('RFC 7644 §3.12: a value that names nothing is refused, whatever is tolerated and wherever it stands', () => {
  const senseless = requests.chain((each) => nonsense(each.request).map((value) => ({ ...each, value })));
  fc.assert(
    fc.property(senseless, ({ world, resource, request, value, mode }) => {
      const { op, attribute, sub } = request.intent;
      assert.equal(patched(world, resource, [{ op, path: pathOf(request), value }], mode), 'refused');
      if (op === 'remove' || sub !== undefined) return;
      const members = { [attribute.name]: value };
      const operation = { op, value: request.inExtension ? { [extensionUri]: members } : members };
      assert.equal(patched(world, resource, [operation], mode), 'refused');
    }),
    parameters,
  );
});
