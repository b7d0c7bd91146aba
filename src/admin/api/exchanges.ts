/** The exchange log over the admin API. */
import * as v from 'valibot';
import { ScimError } from '../../error.ts';
import type { ExchangeLog } from '../../http/exchange-log.ts';
import type { WholeExchange } from '../../store/exchanges.ts';
import type { ExplainedExchange } from '../explained.ts';
import { ruleOf } from '../meaning.ts';
import {
  type Asked,
  endpoint,
  optionalLine,
  seesNobodys,
  tenantFor,
  tenantQuery,
  wholeNumber,
} from './endpoint.ts';
import { strictReading } from './strict.ts';

const tone = v.picklist(['done', 'refused', 'failed']);

export const exchangeRow = v.object({
  id: v.number(),
  at: v.string(),
  status: v.number(),
  method: v.string(),
  path: v.string(),
  search: v.optional(v.string()),
  token: v.optional(v.string()),
  tokenName: v.optional(v.string()),
  agent: v.optional(v.string()),
  milliseconds: v.number(),
  requestId: v.string(),
  scimType: v.optional(v.string()),
  detail: v.optional(v.string()),
  tolerances: v.array(v.string()),
  type: v.optional(v.string()),
  subject: v.optional(v.string()),
  meaning: v.object({ text: v.string(), tone, group: v.optional(v.string()) }),
});
export type ExchangeRow = v.InferOutput<typeof exchangeRow>;

export const exchangeQuery = v.object({
  ...tenantQuery,
  status: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?:|[1-5]xx|[1-5]\d\d|error)$/i, 'must be such as 404, 4xx or error'),
      v.transform((text) => (text === '' ? undefined : text.toLowerCase())),
    ),
  ),
  token: optionalLine(100),
  about: optionalLine(300),
  method: v.optional(v.picklist(['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'], 'must be a method')),
  before: v.optional(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(wholeNumber(1, 500), 50),
});

/** Of the stream: what came after an exchange, such as the newest that a page shows already. */
export const exchangeStreamQuery = v.object({
  ...exchangeQuery.entries,
  after: v.optional(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
});

/** The number that exchanges of a moment have at least. */
export function exchangesFrom(time: Date): number {
  return Math.max(0, (time.getTime() - 1000) * 1024);
}

export function rowOf({ at, meaning, ...more }: ExplainedExchange): ExchangeRow {
  const { id, status, method, path, search, token, tokenName, agent, milliseconds, requestId } = more;
  const { scimType, detail, tolerances, type, subject } = more;
  return {
    ...{ id, at: new Date(at).toISOString(), status, method, path },
    ...withoutUndefined({ search, token, tokenName, agent, scimType, detail, type, subject }),
    ...{ milliseconds, requestId, tolerances: [...tolerances], meaning: { ...meaning } },
  };
}

function withoutUndefined<T extends Record<string, unknown>>(
  members: T,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

/** @throws ScimError 404 where none is kept. */
export function logOf({ options }: Asked<unknown, unknown>['parts']): ExchangeLog {
  if (options.exchangeLog !== undefined) return options.exchangeLog;
  throw new ScimError(404, undefined, 'No exchanges are kept here: exchangeLog.enabled is false');
}

/** What a text in the search box looks for: a request id where it has its form, else whoever is called so. */
export async function exchangesFor(
  asked: Asked<v.InferOutput<typeof exchangeQuery>, unknown>,
  after?: number,
): Promise<{ rows: ExchangeRow[]; before?: number }> {
  const { parts, query } = asked;
  const log = logOf(parts);
  const tenant = (await tenantFor(asked, query.tenant)).number;
  const { about, status, token, method, before, limit } = query;
  const orNobody = seesNobodys(asked.session);
  const base = { orNobody, status, token, before, after, limit, ...(method ? { method } : {}) };
  const keys = about === undefined ? undefined : await parts.words.about(tenant, about);
  let page = await log.find({ ...base, tenant, about: keys });
  if (about !== undefined && page.exchanges.length === 0 && /^[\w.~:+/=-]{6,128}$/.test(about))
    page = await log.find({ ...base, tenant, requestId: about });
  const explained = await parts.words.explain(page.exchanges);
  return { rows: explained.map(rowOf), ...(page.before === undefined ? {} : { before: page.before }) };
}

/** An exchange of theirs. @throws ScimError 404. */
export async function exchangeOf(
  asked: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'path'>,
): Promise<WholeExchange> {
  const id = Number(asked.path.id);
  const found = Number.isSafeInteger(id) ? await logOf(asked.parts).get(id, asked.session.tenant) : undefined;
  if (found === undefined)
    throw new ScimError(404, undefined, 'There is no such exchange: it is not there any more, or never was');
  return found;
}

export const exchangeEndpoints = [
  endpoint({
    method: 'GET',
    path: '/exchanges',
    summary: 'Requests and their answers, newest first',
    needs: 'read',
    query: exchangeQuery,
    answer: v.object({ exchanges: v.array(exchangeRow), before: v.optional(v.number()) }),
    async handle(asked) {
      const { rows, before } = await exchangesFor(asked);
      return { exchanges: rows, ...(before === undefined ? {} : { before }) };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/exchanges/{id}',
    summary: 'One request with its answer, and the rule that was not kept',
    needs: 'read',
    answer: v.object({
      exchange: exchangeRow,
      sent: v.optional(v.string()),
      answered: v.optional(v.string()),
      rule: v.optional(v.object({ rule: v.string(), section: v.string() })),
    }),
    async handle(asked) {
      const whole = await exchangeOf(asked);
      const [explained] = await asked.parts.words.explain([whole]);
      const { sent, answered, ...exchange } = { ...whole, ...explained } as WholeExchange & ExplainedExchange;
      const rule = exchange.status < 400 ? undefined : ruleOf(exchange);
      return {
        exchange: rowOf(exchange),
        ...withoutUndefined({ sent, answered, rule }),
      };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/exchanges/{id}/strict',
    summary: 'What a server without tolerances would answer; nothing is changed',
    needs: 'read',
    body: v.object({}),
    answer: v.object({ outcome: v.picklist(['accepted', 'refused', 'unknown']), reason: v.string() }),
    handle: async (asked) => strictReading(asked.parts, await exchangeOf(asked)),
  }),
] as const;
