/** The server itself over the admin API: tenants, settings, the filter workbench, what administrators did. */
import * as v from 'valibot';
import { ScimFilterError } from '../../../grammar/index.ts';
import { operator } from '../../directory/caller.ts';
import { ScimError } from '../../error.ts';
import { StoreError } from '../../store/store-error.ts';
import {
  type Asked,
  endpoint,
  line,
  noteAction,
  tenantFor,
  tenantQuery,
  tenantsOf,
  wholeNumber,
} from './endpoint.ts';
import { resourcesFor, typeNamed } from './resources.ts';

const nameRule = 'must be at most 64 letters, digits, spaces and . _ @ + -, beginning with a letter or digit';

const explanation = v.object({
  problem: v.optional(v.string()),
  tree: v.array(v.string()),
  plan: v.array(v.string()),
  sql: v.string(),
  postgres: v.optional(v.string()),
  parameters: v.array(v.unknown()),
  steps: v.array(v.string()),
  unindexed: v.array(v.string()),
  total: v.optional(v.number()),
  milliseconds: v.optional(v.number()),
});
export type Explained = v.InferOutput<typeof explanation>;

const systemShape = v.object({
  version: v.string(),
  node: v.string(),
  uptimeSeconds: v.number(),
  memoryBytes: v.number(),
  database: v.object({ file: v.string(), bytes: v.number() }),
  tenants: v.array(v.object({ name: v.string(), created: v.string() })),
  settings: v.array(v.object({ name: v.string(), value: v.string(), origin: v.string() })),
  schemas: v.array(v.object({ id: v.string(), name: v.string(), attributes: v.number() })),
  types: v.array(v.object({ name: v.string(), endpoint: v.string(), indexed: v.array(v.string()) })),
  backups: v.optional(v.array(v.object({ file: v.string(), bytes: v.number(), at: v.string() }))),
});
export type System = v.InferOutput<typeof systemShape>;

export async function systemOf({
  parts,
  session,
}: Pick<Asked<unknown, unknown>, 'parts' | 'session'>): Promise<System> {
  const { options, store } = parts;
  const { registry } = store;
  const tenants = await tenantsOf(parts, session);
  const isServer = session.tenant === undefined;
  // Of the machine, and of other tenants, only who has the whole server is told.
  const backups = isServer ? await options.backups() : undefined;
  return {
    version: options.version,
    node: process.versions.node,
    uptimeSeconds: Math.round(process.uptime()),
    memoryBytes: process.memoryUsage.rss(),
    database: isServer ? options.database() : { file: '', bytes: 0 },
    tenants: tenants.map(({ name, created }) => ({ name, created })),
    settings: isServer ? options.settings().map((each) => ({ ...each })) : [],
    schemas: [...registry.schemas.values()].map(({ id, name, attributes }) => ({
      id,
      name: name ?? id,
      attributes: attributes.length,
    })),
    types: registry.resourceTypes.map((type) => ({
      name: type.name,
      endpoint: type.endpoint,
      indexed: [...registry.containsIndex].map(({ path }) => path),
    })),
    ...(backups === undefined ? {} : { backups: [...backups] }),
  };
}

/** The same filter as scimd explain has it, and how many it finds here. */
export async function explainedFor(
  asked: Asked<{ readonly tenant?: string | undefined }, { readonly filter: string; readonly type: string }>,
): Promise<Explained> {
  const { parts, body } = asked;
  const type = typeNamed(parts, body.type);
  const tenant = await tenantFor(asked, asked.query.tenant);
  try {
    const { tree, plan, sql, parameters, steps, unindexed, postgres } = parts.options.explain(
      body.filter,
      type.name,
    );
    const started = performance.now();
    const caller = operator(tenant.number, { kind: 'admin' }, 'strict');
    const { total } = await parts.directory.list(caller, { types: [type], filter: body.filter, limit: 0 });
    return {
      ...{
        tree: [...tree],
        plan: [...plan],
        sql,
        parameters: [...parameters],
        steps: [...steps],
        unindexed: [...unindexed],
      },
      ...(postgres === undefined ? {} : { postgres }),
      total,
      milliseconds: Math.round((performance.now() - started) * 100) / 100,
    };
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    return { problem: error.message, tree: [], plan: [], sql: '', parameters: [], steps: [], unindexed: [] };
  }
}

const actionShape = v.object({
  number: v.number(),
  at: v.string(),
  tenant: v.optional(v.string()),
  actor: v.string(),
  action: v.string(),
  subject: v.optional(v.string()),
  detail: v.optional(v.string()),
});
export type ActionShown = v.InferOutput<typeof actionShape>;

export const actionsQuery = v.object({
  before: v.optional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(wholeNumber(1, 200), 50),
});

export async function actionsOf({
  parts,
  session,
  query,
}: Asked<v.InferOutput<typeof actionsQuery>, unknown>): Promise<ActionShown[]> {
  const { tenant } = session;
  const { before, limit } = query;
  const names = new Map((await parts.store.tenants()).map(({ number, name }) => [number, name]));
  const actions = await parts.store.admin.actions({
    limit,
    ...(tenant === undefined ? {} : { tenant }),
    ...(before === undefined ? {} : { before }),
  });
  return actions.map(({ tenant: of, ...action }) => {
    const name = of === undefined ? undefined : names.get(of);
    return { ...action, ...(name === undefined ? {} : { tenant: name }) };
  });
}

export const systemEndpoints = [
  endpoint({
    method: 'GET',
    path: '/session',
    summary: 'Who is signed in, and what they may do',
    needs: 'read',
    answer: v.object({ name: v.string(), role: v.string(), tenants: v.array(v.string()) }),
    async handle({ parts, session }) {
      const tenants = await tenantsOf(parts, session);
      return { name: session.name, role: session.role, tenants: tenants.map(({ name }) => name) };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/system',
    summary: 'The server: version, settings in force, schemas, backups',
    needs: 'read',
    answer: systemShape,
    handle: (asked) => systemOf(asked),
  }),
  endpoint({
    method: 'POST',
    path: '/tenants',
    summary: 'Create a tenant',
    needs: 'server',
    body: v.object({
      name: v.pipe(v.string(nameRule), v.regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u, nameRule)),
    }),
    answer: v.object({ name: v.string(), created: v.string() }),
    async handle(asked) {
      try {
        const { number, name, created } = await asked.parts.store.createTenant(asked.body.name);
        await noteAction(asked, 'tenant.create', { tenant: number, detail: name });
        return { name, created };
      } catch (error) {
        if (error instanceof StoreError && error.code === 'tenant-exists')
          throw new ScimError(409, 'uniqueness', error.message, { cause: error });
        throw error;
      }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/explain',
    summary: 'How a filter runs: tree, plan, SQL, index use, and how many it finds',
    needs: 'read',
    query: v.object(tenantQuery),
    body: v.object({
      filter: v.pipe(line(4000), v.nonEmpty('must not be empty')),
      type: v.optional(v.string(), 'User'),
    }),
    answer: explanation,
    handle: explainedFor,
  }),
  endpoint({
    method: 'GET',
    path: '/actions',
    summary: 'What administrators did, and who tried to sign in',
    needs: 'read',
    query: actionsQuery,
    answer: v.object({ actions: v.array(actionShape) }),
    handle: async (asked) => ({ actions: await actionsOf(asked) }),
  }),
] as const;

/** People that a filter finds, for the workbench. */
export async function matching(
  asked: Asked<{ readonly tenant?: string | undefined }, unknown>,
  filter: string,
  type: string,
) {
  return resourcesFor(
    { ...asked, query: { tenant: asked.query.tenant, q: filter, after: undefined, limit: 10 } },
    type,
  );
}
