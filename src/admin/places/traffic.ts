import { ScimFilterError } from '../../../grammar/index.ts';
import type { HttpResponse } from '../../http/message.ts';
import { redirect } from '../answers.ts';
import { seesNobodys, tenantFor } from '../api/endpoint.ts';
import {
  exchangeEndpoints,
  exchangeOf,
  exchangeQuery,
  exchangesFor,
  exchangesFrom,
} from '../api/exchanges.ts';
import { nowOf } from '../api/now.ts';
import { resourcesFor } from '../api/resources.ts';
import { strictReading } from '../api/strict.ts';
import { explainedFor } from '../api/system.ts';
import { nameOfDocument } from '../explained.ts';
import type { Page } from '../layout.ts';
import { nowPage } from '../pages/now.ts';
import { explainedHtml } from '../pages/system.ts';
import { exchangePage, trafficPage, type WholeExchangeShown } from '../pages/traffic.ts';

import { type Given, pageOf, parsed, run } from './given.ts';

export async function showNow(given: Given): Promise<Page> {
  return pageOf(
    'Now',
    '',
    nowPage(
      await nowOf({ ...given, query: { tenant: given.view.tenant || undefined } }, given.counts),
      given.view,
    ),
  );
}

export async function showTraffic(given: Given): Promise<Page> {
  const query = parsed(exchangeQuery, given.query);
  const began = exchangesFrom(given.parts.clock());
  const found =
    given.parts.options.exchangeLog === undefined ? { rows: [] } : await exchangesFor({ ...given, query });
  const tenant = await tenantFor(given, query.tenant);
  const tokens = (await given.parts.store.listTokens(tenant.number)).map(({ name }) => name);
  const after = found.rows[0]?.id ?? began;
  return pageOf(
    'Traffic',
    '/traffic',
    trafficPage({ ...found, after }, query, [...new Set(tokens)], given.view),
  );
}

export async function showExchange(given: Given): Promise<Page> {
  const whole = await exchangeOf(given);
  const shown = (await run(exchangeEndpoints[1], given)) as WholeExchangeShown;
  const strict = given.form?.has('strict') ? await strictReading(given.parts, whole) : undefined;
  const filter = new URLSearchParams(whole.search ?? '').get('filter');
  const explained =
    filter === null || whole.type === undefined || filter.includes('[hidden]')
      ? undefined
      : explainedHtml(
          await explainedFor({
            ...given,
            query: { tenant: undefined },
            body: { filter, type: whole.type },
          }),
        );
  const subject =
    whole.subject === undefined || whole.tenant === undefined
      ? undefined
      : (whole.name ?? nameOfDocument(await documentOf(given, whole.tenant, whole.subject)));
  const more = { base: given.base, strict, explained, subject };
  return pageOf(shown.exchange.meaning.text, '/traffic', exchangePage(shown, more, given.view));
}

/** One person or request is shown at once; else people are listed. */
export async function showFind(given: Given): Promise<HttpResponse> {
  const { view, query } = given;
  const q = query.q?.trim() ?? '';
  if (q === '') return redirect(view.to('/directory'));
  const tenant = await tenantFor(given, view.tenant);
  const log = given.parts.options.exchangeLog;
  if (/^[\w.~:+/=-]{16,128}$/.test(q) && !q.includes('@')) {
    const orNobody = seesNobodys(given.session);
    const found = (await log?.find({ tenant: tenant.number, orNobody, requestId: q, limit: 1 }))
      ?.exchanges[0];
    if (found !== undefined) return redirect(view.to(`/traffic/${found.id}`));
  }
  for (const type of ['User', 'Group']) {
    const found = await resourcesFor(
      { ...given, query: { tenant: tenant.name, q, after: undefined, limit: 2 } },
      type,
    ).catch((error) => {
      if (error instanceof ScimFilterError) return undefined;
      throw error;
    });
    if (found?.total === 1)
      return redirect(view.to(`/directory/${type}/${encodeURIComponent(found.resources[0]?.id ?? '')}`));
    if (found !== undefined && found.total > 1) return redirect(view.to('/directory', { type, q }));
  }
  return redirect(view.to('/traffic', { about: q }));
}

async function documentOf(given: Given, tenant: number, id: string) {
  const found = (await given.parts.store.feed.resources(tenant, [id])).get(id);
  return found === undefined ? undefined : JSON.parse(found.resource.body);
}
