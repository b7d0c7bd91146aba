/** The guard and locks over the admin API: what stands between a provider's mistake and everybody's access. */
import * as v from 'valibot';
import { ScimError } from '../../error.ts';
import type { Actor } from '../../store/change.ts';
import {
  type AdminParts,
  type Asked,
  endpoint,
  noteAction,
  optionalLine,
  tenantFor,
  tenantQuery,
  wholeNumber,
} from './endpoint.ts';
import { typeNamed } from './resources.ts';

const guardShape = v.object({
  state: v.picklist(['watching', 'held', 'released']),
  /** One sentence for whoever decides. */
  words: v.string(),
  since: v.optional(v.string()),
  until: v.optional(v.string()),
});
export type GuardShown = v.InferOutput<typeof guardShape>;

const losses = { left: 'deactivated or deleted', removed: 'taken out of groups' } as const;

export async function guardOf({ store, clock }: AdminParts, tenant: number): Promise<GuardShown> {
  const state = (await store.guards.states()).find((each) => each.tenant === tenant);
  const { held, released, reason } = state ?? {};
  if (released !== undefined && Date.parse(released) > clock().getTime())
    return { state: 'released', words: 'The guard lets everything pass for now.', until: released };
  if (held === undefined) return { state: 'watching', words: 'The guard watches; nothing is held back.' };
  const what =
    reason === undefined
      ? 'Many people would lose access at once'
      : `${reason.people} of ${reason.of} people would have been ${losses[reason.loss]} within ${reason.minutes} minutes`;
  return {
    state: 'held',
    words: `${what}: the guard holds back who is deactivated, deleted or taken out of a group.`,
    since: held,
  };
}

const actorOf = ({ session }: Pick<Asked<unknown, unknown>, 'session'>): Actor => ({
  kind: 'admin',
  id: session.id,
  name: session.name,
});

/** Blocks the access of somebody here, or gives it back. */
function setLocked(locked: boolean) {
  return endpoint({
    method: 'POST',
    path: `/resources/User/{id}/${locked ? 'lock' : 'unlock'}`,
    summary: locked
      ? 'Block the access of a person here; the provider neither sees nor changes it'
      : 'Give a locked person their access back',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({ reason: optionalLine(200) }),
    answer: v.object({ id: v.string(), locked: v.boolean(), changed: v.boolean() }),
    async handle(asked) {
      const { store } = asked.parts;
      const { number } = await tenantFor(asked, asked.query.tenant);
      const id = asked.path.id ?? '';
      const type = typeNamed(asked.parts, 'User');
      if ((await store.get({ tenant: number, type, id })) === undefined)
        throw new ScimError(404, undefined, 'There is no User with this id');
      const changed = locked
        ? await store.grants.lock(number, id, actorOf(asked), asked.body.reason)
        : await store.grants.unlock(number, id, actorOf(asked));
      return { id, locked, changed };
    },
  });
}

export const guardEndpoints = [
  endpoint({
    method: 'GET',
    path: '/guard',
    summary: 'What the guard does: watch, hold back, or let pass',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: guardShape,
    async handle(asked) {
      return guardOf(asked.parts, (await tenantFor(asked, asked.query.tenant)).number);
    },
  }),
  endpoint({
    method: 'POST',
    path: '/guard/release',
    summary: 'Let everything pass for a while; providers send again what was held back',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({ minutes: v.optional(wholeNumber(1, 10_080), 60) }),
    answer: guardShape,
    async handle(asked) {
      const { number } = await tenantFor(asked, asked.query.tenant);
      const until = new Date(asked.parts.clock().getTime() + asked.body.minutes * 60_000);
      await asked.parts.store.guards.release(number, until, actorOf(asked));
      await noteAction(asked, 'guard.release', { tenant: number, detail: `until ${until.toISOString()}` });
      return guardOf(asked.parts, number);
    },
  }),
  setLocked(true),
  setLocked(false),
] as const;
