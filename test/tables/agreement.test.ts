/** On an embedder's tables too a filter finds in SQL whom the matcher finds among the answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { resolveName } from '../../src/scim/registry.ts';
import type { Position } from '../../src/store/store.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
import { findsWhomTheMatcherFinds, populate, seed } from '../store/agreement.ts';
import { registryWith } from '../store/registry.ts';
import { Setting } from '../store/setting.ts';
import { openStore } from './fixture.ts';

const staffSchema = staffSchemas.find(({ id }) => id === staffUri)!;
const registry = registryWith(staffSchema);

const settings = new Map<string, Setting>();
before(async () => {
  for (const kind of ['sqlite', 'postgres'] as const)
    settings.set(kind, await Setting.open((options) => openStore(kind, options), registry));
});
after(async () => {
  for (const { store } of settings.values()) await store.close();
});

for (const kind of ['sqlite', 'postgres'])
  test(`any filter finds on own tables whom the matcher finds among the answers: ${kind} (seed ${seed})`, () =>
    findsWhomTheMatcherFinds(settings.get(kind) as Setting, 40));

for (const kind of ['sqlite', 'postgres'])
  test(`a walk by positions meets everybody once, in both directions: ${kind} (seed ${seed})`, async () => {
    const s = settings.get(kind) as Setting;
    await populate(s, 100);
    for (const name of [
      'userName',
      'displayName',
      'name.formatted',
      'active',
      'meta.created',
      'emails.value',
      'emails.primary',
      'photos.primary',
      'nickName',
      `${staffUri}:floor`,
      `${staffUri}:remote`,
    ]) {
      const resolved = resolveName(s.user, name);
      assert.equal(resolved?.kind, 'attribute', name);
      const query = { targets: [{ type: s.user, sort: resolved.attribute }] };
      for (const descending of [false, true]) {
        const whole = await s.list({ ...query, descending });
        const ids = whole.resources.map(({ id }) => id);
        assert.equal(new Set(ids).size, whole.total);
        const met: string[] = [];
        let last: Position | undefined;
        for (;;) {
          const page = await s.list({
            ...query,
            descending,
            limit: 3,
            ...(last === undefined ? {} : { after: last }),
          });
          met.push(...page.resources.map(({ id }) => id));
          if (page.first !== undefined && last !== undefined) {
            const before = await s.list({ ...query, descending, limit: 3, before: page.first });
            assert.deepEqual(
              before.resources.map(({ id }) => id),
              met.slice(-3 - page.resources.length, -page.resources.length),
              name,
            );
          }
          last = page.last;
          if (!page.more) break;
        }
        assert.deepEqual(met, ids, `${name} ${descending}`);
      }
    }
  });
