/** All endpoints of the admin API. */
import { accessEndpoints } from './access.ts';
import type { Endpoint } from './endpoint.ts';
import { exchangeEndpoints } from './exchanges.ts';
import { guardEndpoints } from './guard.ts';
import { type Counts, nowEndpoints } from './now.ts';
import { reportEndpoints } from './reports.ts';
import { resourceEndpoints } from './resources.ts';
import { setUpLinkEndpoints } from './set-up-links.ts';
import { systemEndpoints } from './system.ts';
import { tokenEndpoints } from './tokens.ts';
import { webhookEndpoints } from './webhooks.ts';

export function endpointsWith(counts: Counts): readonly Endpoint[] {
  return [
    ...nowEndpoints(counts),
    ...exchangeEndpoints,
    ...resourceEndpoints,
    ...tokenEndpoints,
    ...webhookEndpoints,
    ...setUpLinkEndpoints,
    ...accessEndpoints,
    ...reportEndpoints,
    ...guardEndpoints,
    ...systemEndpoints,
  ];
}
