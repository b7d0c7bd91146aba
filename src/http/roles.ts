/** /Roles and /Entitlements: what groups give here, and how many people have it (draft-ietf-scim-roles-entitlements-01). */
import { ScimError } from '../error.ts';
import { compileMatcher } from '../query/compile.ts';
import { projectionOf } from '../scim/projection.ts';
import { grantResource, grantTypes } from '../scim/role-types.ts';
import type { GrantKind } from '../scim/roles.ts';
import type { Store } from '../store/store.ts';
import { listResponseSchema } from './listing.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { Limits } from './options.ts';
import { integerParameter } from './query-string.ts';
import { selectionOf } from './resources.ts';
import { jsonResponse, negotiate } from './responses.ts';

export class RoleHandlers {
  readonly #store: Pick<Store, 'grants' | 'tenants'>;
  readonly #limits: Limits;

  constructor(store: Pick<Store, 'grants' | 'tenants'>, limits: Limits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** Which of them there are: those that a rule gives. */
  async kinds(): Promise<readonly GrantKind[]> {
    const rules = await this.#store.grants.rules();
    return (['role', 'entitlement'] as const).filter((kind) => rules.some((rule) => rule.kind === kind));
  }

  async list(exchange: Exchange, kind: GrantKind): Promise<HttpResponse> {
    const { query, request } = exchange;
    const contentType = negotiate(request.header('accept'));
    const { filterCharacters: characters, filterDepth: depth, filterTerms: terms } = this.#limits;
    const limits = { characters, depth, terms };
    const filter = query.get('filter');
    const matches =
      filter === undefined ? undefined : compileMatcher(filter, { resourceType: grantTypes[kind], limits });
    const startIndex = Math.max(1, integerParameter(query, 'startIndex') ?? 1);
    const { defaultPageSize, maxPageSize } = this.#limits;
    const asked = integerParameter(query, 'count') ?? defaultPageSize;
    const count = Math.min(Math.max(0, asked), maxPageSize);
    const all = await this.#all(exchange, kind);
    const found = matches === undefined ? all : all.filter(matches);
    const page = found.slice(startIndex - 1, startIndex - 1 + count);
    const shown = this.#projection(exchange, kind);
    return jsonResponse(
      200,
      contentType,
      JSON.stringify({
        schemas: [listResponseSchema],
        totalResults: found.length,
        itemsPerPage: page.length,
        startIndex,
        Resources: page.map(shown),
      }),
    );
  }

  async get(exchange: Exchange, kind: GrantKind, id: string): Promise<HttpResponse> {
    const contentType = negotiate(exchange.request.header('accept'));
    const resource = (await this.#all(exchange, kind)).find((each) => each.id === id);
    if (resource === undefined) throw new ScimError(404, undefined, `There is no ${kind} ${id}`);
    return jsonResponse(200, contentType, JSON.stringify(this.#projection(exchange, kind)(resource)));
  }

  #projection(exchange: Exchange, kind: GrantKind): (resource: Record<string, unknown>) => object {
    const projection = projectionOf(grantTypes[kind], selectionOf(exchange));
    return (resource) => projection?.apply(resource) ?? resource;
  }

  async #all({ principal: { tenant }, base }: Exchange, kind: GrantKind): Promise<Record<string, unknown>[]> {
    const rules = await this.#store.grants.rules();
    const ofKind = rules.filter((rule) => rule.kind === kind);
    const name = (await this.#store.tenants()).find(({ number }) => number === tenant)?.name ?? '';
    const people = await this.#store.grants.people(tenant);
    const used = new Map(people.filter((each) => each.kind === kind).map((each) => [each.name, each.people]));
    return ofKind
      .filter(({ tenants }) => tenants === undefined || tenants.includes(name))
      .map((rule) => grantResource(rule, used.get(rule.name) ?? 0, base));
  }
}
