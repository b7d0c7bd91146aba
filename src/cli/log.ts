/** scimd log. */
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { ExchangeWords, type ExplainedExchange } from '../admin/explained.ts';
import { ruleOf } from '../admin/meaning.ts';
import { Directory } from '../directory/directory.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { parseSpan } from '../ops/span.ts';
import type { ExchangeQuery } from '../store/exchanges.ts';
import { SqliteExchanges } from '../store/sqlite/exchanges.ts';
import { exitStatus, type Invocation } from './command.ts';
import { findTenant, withStore } from './database.ts';
import { exchangeFile } from './exchange-log.ts';

const defaultLimit = 50;
/** Milliseconds between looks for what came. */
const lookEvery = 250;

/** Prints exchanges, oldest first, each in words; with --follow those to come too, until it is ended. */
export function printLog(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const file = exchangeFile(invocation.settings().settings);
  const status = flags.get('status');
  if (status !== undefined && !/^(?:[1-5]xx|[1-5]\d\d|error)$/i.test(status))
    throw new UsageError(`--status must be such as 404, 4xx or error, not ${JSON.stringify(status)}`);
  const limit = Number(flags.get('limit') ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new UsageError(`--limit must be a whole number from 1 to 10000, not ${flags.get('limit')}`);
  const span = flags.get('since');
  const past = span === undefined ? undefined : parseSpan(span);
  if (span !== undefined && past === undefined)
    throw new UsageError(`--since must be a span such as 30m, 24h or 7d, not ${JSON.stringify(span)}`);
  if (!existsSync(file))
    throw new CommandError(
      `there is no exchange log ${file}`,
      'The server writes it from its first request on, unless exchangeLog.enabled is false.',
    );
  return withStore(invocation, false, async (store) => {
    const exchanges = new SqliteExchanges(file);
    try {
      const words = new ExchangeWords(store, new Directory(store));
      const tenantName = flags.get('tenant');
      const tenant = tenantName === undefined ? undefined : (await findTenant(store, tenantName)).number;
      const user = flags.get('user');
      const query: ExchangeQuery = {
        ...{ tenant, limit, token: flags.get('token'), method: flags.get('method') },
        status: status?.toLowerCase(),
        about: user === undefined ? undefined : await words.about(tenant, user),
        requestId: flags.get('request'),
        since: past === undefined ? undefined : Date.now() - past,
      };
      const print = async (page: readonly ExplainedExchange[]): Promise<void> => {
        for (const each of page) {
          const whole = flags.has('bodies') || flags.has('request');
          const bodies = whole ? exchanges.get(each.id) : undefined;
          if (json)
            terminal.print(
              JSON.stringify({ ...jsonOf(each), sent: bodies?.sent, answered: bodies?.answered }),
            );
          else terminal.print(whole ? wholeText(each, bodies?.sent, bodies?.answered) : lineOf(each));
        }
        await terminal.written();
      };
      const first = exchanges.find(query).exchanges;
      await print((await words.explain(first)).toReversed());
      if (!flags.has('follow')) {
        if (first.length === 0) terminal.note('no exchanges');
        return exitStatus.done;
      }
      let last = first[0]?.id ?? Date.now() * 1024;
      let isEnded = false;
      const end = new AbortController();
      const stop = (): void => {
        isEnded = true;
        end.abort();
      };
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      try {
        while (!isEnded) {
          await wait(lookEvery, undefined, { signal: end.signal }).catch(() => {});
          const page = exchanges.find({ ...query, after: last, since: undefined, limit: 500 }).exchanges;
          last = page[0]?.id ?? last;
          await print((await words.explain(page)).toReversed());
        }
        return exitStatus.done;
      } finally {
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
      }
    } finally {
      exchanges.close();
    }
  });
}

/** `2026-11-28 09:14:03.218 409 Okta tried to create jane@example.com: refused, the name is taken by …` */
function lineOf({ at, status, meaning }: ExplainedExchange): string {
  const time = new Date(at).toISOString().replace('T', ' ').slice(0, 23);
  return `${time} ${status} ${escapeControls(meaning.text)}`;
}

function wholeText(each: ExplainedExchange, sent: string | undefined, answered: string | undefined): string {
  const { method, path, search, requestId, tokenName, token, agent, milliseconds, tolerances, detail } = each;
  const rule = each.status < 400 ? undefined : ruleOf(each);
  const rows: readonly (readonly [name: string, value: string | undefined])[] = [
    ['request', `${method} ${path}${search === undefined ? '' : `?${search}`}`],
    [
      'answer',
      `${each.status}${each.scimType === undefined ? '' : ` ${each.scimType}`} in ${Math.round(milliseconds * 100) / 100} ms`,
    ],
    ['detail', detail],
    ['rule', rule === undefined ? undefined : `${rule.rule} (${rule.section})`],
    ['token', tokenName ?? token],
    ['agent', agent],
    ['tolerances', tolerances.length === 0 ? undefined : tolerances.join(', ')],
    ['request id', requestId],
    ['sent', sent],
    ['answered', answered],
  ];
  const shown = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`    ${name}: ${value.split('\n').map(escapeControls).join('\n      ')}`],
  );
  return [lineOf(each), ...shown].join('\n');
}

function jsonOf({ meaning, at, ...rest }: ExplainedExchange): object {
  return { time: new Date(at).toISOString(), meaning: meaning.text, ...rest };
}
