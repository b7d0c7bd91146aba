/** What of a request and its answer goes to the exchange log. */
import type { HttpResponse } from './message.ts';
import { actorKey, type Visit } from './mounts.ts';
import type { ExchangeRecorder } from './options.ts';

/** Characters of a body that are handed over: the thread looks through all of them for secrets. */
const keptLength = { sent: 32_768, answered: 8192 } as const;

/** Hands an exchange over to the log, or has it counted: references only, since the answer waits for it. */
export function recordExchange(
  log: ExchangeRecorder,
  { request, identity, tolerated, refused, requestId = '', route, sent }: Visit,
  { status, body }: HttpResponse,
  exchanges: 'with bodies' | 'without bodies',
  at: number,
  milliseconds: number,
): void {
  const { method } = request;
  const actor = identity?.actor;
  const token = actor === undefined ? refused?.id : actorKey(actor);
  if (log.isCounted(method, route, token, status)) return;
  const used = tolerated?.used;
  const isText = typeof body === 'string' && (exchanges === 'with bodies' || status >= 400);
  log.record({
    at,
    tenant: identity?.tenant ?? refused?.tenant,
    token,
    tokenName: actor === undefined ? refused?.name : actor.name,
    idp: actor === undefined ? refused?.idp : actor.idp,
    refused: refused === undefined ? undefined : refused.revoked === undefined ? 'expired' : 'revoked',
    agent: request.header('user-agent'),
    method,
    path: request.path,
    search: request.search,
    status,
    milliseconds,
    tolerances: used === undefined || used.size === 0 ? noTolerances : [...used],
    requestId,
    route,
    sent: sent === undefined ? undefined : headOf(sent, keptLength.sent),
    sentLength: sent?.length ?? 0,
    answered: isText ? headOf(body, keptLength.answered) : undefined,
  });
}

const noTolerances: readonly string[] = [];

/** The beginning as a text of its own: V8's slice keeps the whole text as long as it is kept itself. */
function headOf(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
}
