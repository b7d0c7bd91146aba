/** What a request may look at: values times terms, in filters and in the value filters of PATCH. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Work, type WorkLimits } from '../../src/store/work.ts';
import { groupDocument, userDocument } from './registry.ts';
import { actor, type Setting } from './setting.ts';

const people = 400;
const addresses = 20;
const members = 4000;
const limits: WorkLimits = { values: 1e12, valuesInWrites: 1e12, seconds: 600 };

export function budgetContract(setting: () => Setting): void {
  test('filters are counted, and refused over limits.comparedValues; what an index finds costs next to nothing', async () => {
    const s = setting();
    const emails = Array.from({ length: addresses }, (_, n) => ({
      value: `a${n}@example.com`,
      display: `d${n}`,
    }));
    await s.store.commit(
      Array.from({ length: people }, (_, n) => s.unit(s.newUser(`user${n}`, { emails, nickName: `n${n}` }))),
    );
    const spent = async (filter: string, given = limits): Promise<number> => {
      const work = new Work(given);
      await s.list({ targets: [{ type: s.user, plan: s.plan(filter) }], work });
      return given.values - work.left;
    };
    const values = people * addresses;
    const counted: [filter: string, least: number, most: number][] = [
      ['nickName co "zz"', people * 0.3, people * 4],
      // A database that knows nothing of its rows yet may look at them again and again.
      ['emails.value co "zz"', values * 0.5, Number.POSITIVE_INFINITY],
      ['emails.value co "zz" or emails.value co "yy"', values, Number.POSITIVE_INFINITY],
      ['not (emails.display co "d")', values * 0.5, Number.POSITIVE_INFINITY],
      ['userName eq "user7"', 0, 0],
      ['emails.value eq "nobody@example.com"', 0, 600],
    ];
    for (const [filter, least, most] of counted) {
      const found = await spent(filter);
      assert.ok(found >= least && found <= most, `${filter}: ${found}, not ${least} to ${most}`);
    }
    for (const filter of [
      'emails.value co "zz"',
      'nickName co "zz" and emails[type eq "x" and display co "z"]',
    ])
      await assert.rejects(spent(filter, { ...limits, values: 1000 }), {
        ...{ name: 'WorkError', code: 'too-much' },
        message:
          'The request would compare more than 1000 values (limits.comparedValues); use a narrower filter, or attributes that have an index',
      });
    const [one, other] = [new Work({ ...limits, values: values * 6 }), new Work(limits)];
    const target = { type: s.user, plan: s.plan('emails.value co "zz"') };
    await assert.rejects(
      async () => {
        for (let n = 0; n < 20; n++) await s.list({ targets: [target], work: one });
      },
      { code: 'too-much' },
      'all lists of a request share its budget',
    );
    await s.list({ targets: [target], work: other });
    await s.list({ targets: [target] });
  });

  test('value filters over members are counted, and refused over limits.patchedValues', async () => {
    const s = setting();
    const ids = Array.from({ length: members }, (_, n) => `m${n}`);
    await s.store.commit(
      ids.map((id) => s.unit({ kind: 'create', type: s.user, id, document: userDocument(id) })),
    );
    const group = await s.create(s.group, groupDocument('large'), [
      { kind: 'add', members: ids.map((value) => ({ value })) },
    ]);
    const plan = s.memberPlan('display co "nobody"');
    const removal = async (times: number, valuesInWrites: number) => {
      const work = new Work({ ...limits, valuesInWrites });
      const { type, id } = s.target(group);
      const edits = Array.from({ length: times }, () => ({ kind: 'removeWhere', plan }) as const);
      const command = { kind: 'update', type, id, operation: 'patch', members: edits } as const;
      const unit = { tenant: s.tenant, context: { actor }, work, commands: [command] };
      const [outcome] = await s.store.commit([unit]);
      return { outcome, spent: valuesInWrites - work.leftInWrites };
    };
    const { outcome, spent } = await removal(3, 1e12);
    assert.equal(outcome?.outcome, 'done');
    assert.ok(spent > members && spent < members * 6, `${spent} values`);
    const { outcome: refused } = await removal(20, members * 5);
    assert.equal(refused?.outcome, 'failed');
    const { error } = refused as { error: Error };
    assert.equal(
      error.message,
      `The value filters of the request would compare more than ${members * 5} values (limits.patchedValues); name values by their identifier, or send fewer operations`,
    );
    assert.equal((await s.memberIds(group)).length, members);
    assert.equal((await removal(1, 1e12)).outcome?.outcome, 'done');
  });
}
