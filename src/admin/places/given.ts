/** What a page is made with. */
import * as v from 'valibot';
import type { HttpResponse } from '../../http/message.ts';
import { type Asked, type Endpoint, invalid } from '../api/endpoint.ts';
import type { Counts } from '../api/now.ts';
import { webhookEndpoints } from '../api/webhooks.ts';
import type { Html } from '../html.ts';
import type { Page, Place, View } from '../layout.ts';

export type Base = Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'base'>;
export type Query = Readonly<Record<string, string>>;

/** What one page is made with. */
export interface Given extends Base {
  readonly counts: Counts;
  readonly query: Query;
  readonly form: URLSearchParams | undefined;
  readonly view: View;
  readonly path: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export type Show = (given: Given) => Promise<Page | HttpResponse>;

export function pageOf(title: string, place: Place, main: Html): Page {
  return { title, place, main };
}

/** The query of a page, as that of the endpoint is checked. @throws ScimError 400. */
export function parsed<const T extends v.GenericSchema>(schema: T, query: Query): v.InferOutput<T> {
  const result = v.safeParse(schema, query);
  if (result.success) return result.output;
  throw invalid(result.issues[0], 'The query');
}

export function endpointAt(path: string, method: string): Endpoint {
  return webhookEndpoints.find((each) => each.path === path && each.method === method) as Endpoint;
}

export function run(endpoint: Endpoint, { parts, session, path, base, query }: Given): Promise<unknown> {
  return endpoint.run({ parts, session, path, base, query: { tenant: query.tenant }, body: {} });
}
