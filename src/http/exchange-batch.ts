/**
 * Exchanges on their way to the thread of their log, by column: a list of objects is copied with the names of all members of
 * each of them, which takes several times as long. Shown by the workload `patch` of npm run bench.
 */
import type { RawExchange } from './exchange-entry.ts';

export type ExchangeColumns = { readonly [Name in keyof RawExchange]-?: readonly RawExchange[Name][] };

export function columnsOf(batch: readonly RawExchange[]): ExchangeColumns {
  return {
    at: batch.map(({ at }) => at),
    tenant: batch.map(({ tenant }) => tenant),
    token: batch.map(({ token }) => token),
    tokenName: batch.map(({ tokenName }) => tokenName),
    idp: batch.map(({ idp }) => idp),
    refused: batch.map(({ refused }) => refused),
    agent: batch.map(({ agent }) => agent),
    method: batch.map(({ method }) => method),
    path: batch.map(({ path }) => path),
    search: batch.map(({ search }) => search),
    status: batch.map(({ status }) => status),
    milliseconds: batch.map(({ milliseconds }) => milliseconds),
    tolerances: batch.map(({ tolerances }) => tolerances),
    requestId: batch.map(({ requestId }) => requestId),
    route: batch.map(({ route }) => route),
    sent: batch.map(({ sent }) => sent),
    sentLength: batch.map(({ sentLength }) => sentLength),
    answered: batch.map(({ answered }) => answered),
    isBrief: batch.map(({ isBrief }) => isBrief),
    alike: batch.map(({ alike }) => alike),
  };
}

/** One by one: what is not written yet is in memory but once. */
export function* exchangesIn(columns: ExchangeColumns): Generator<RawExchange> {
  for (const [index, at] of columns.at.entries()) {
    yield {
      at,
      tenant: columns.tenant[index],
      token: columns.token[index],
      tokenName: columns.tokenName[index],
      idp: columns.idp[index],
      refused: columns.refused[index],
      agent: columns.agent[index],
      method: columns.method[index] as string,
      path: columns.path[index] as string,
      search: columns.search[index] as string,
      status: columns.status[index] as number,
      milliseconds: columns.milliseconds[index] as number,
      tolerances: columns.tolerances[index] as readonly string[],
      requestId: columns.requestId[index] as string,
      route: columns.route[index] as string,
      sent: columns.sent[index],
      sentLength: columns.sentLength[index] as number,
      answered: columns.answered[index],
      isBrief: columns.isBrief[index],
      alike: columns.alike[index],
    };
  }
}
