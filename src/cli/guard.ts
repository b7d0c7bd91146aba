/** scimd guard status, guard release, pause, resume: what stands between a provider's mistake and everybody's access. */
import type { GuardNews } from '../directory/guard.ts';
import { UsageError } from '../ops/command-error.ts';
import { parseSpan } from '../ops/span.ts';
import { columns } from '../ops/terminal.ts';
import type { MassLoss } from '../store/guard.ts';
import { commandActor } from './actor.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, withAccess, withStore } from './database.ts';
import { noteDeed } from './noted-deed.ts';
import { deedOf, findToken, usable } from './token.ts';

export const defaultRelease = '1h';

const losses = { left: 'were deactivated or deleted', removed: 'were taken out of groups' } as const;

/** `161 of 800 people were deactivated or deleted within 60 minutes`. */
function lossText({ people, of, loss, minutes }: MassLoss): string {
  return `${people} of ${of} people ${losses[loss]} within ${minutes} minutes`;
}

/** What an import tells of the guard. */
export function guardText(news: GuardNews): string | undefined {
  if (news.kind === 'held')
    return `${lossText(news)}, or would have been: the rest is held back until scimd guard release`;
  if (news.kind === 'alert' && news.alert.kind === 'mass') return lossText(news.alert);
  return undefined;
}

export async function guardStatus(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const { guard } = invocation.settings().settings;
  return withStore(invocation, false, async (store) => {
    const only = flags.get('tenant');
    if (only !== undefined) await findTenant(store, only);
    const states = await store.guards.states();
    const now = new Date().toISOString();
    const tenants = (await store.tenants())
      .filter(({ name }) => only === undefined || name === only)
      .map(({ number, name, paused }) => {
        const { held, tripped, released, reason } = states.find(({ tenant }) => tenant === number) ?? {};
        const until = released !== undefined && released > now ? released : undefined;
        const state = held !== undefined ? 'held' : until !== undefined ? 'released' : 'watching';
        return { tenant: name, state, held, released: until, tripped, reason, paused };
      });
    const tokens = await store.listTokens(
      only === undefined ? undefined : (await findTenant(store, only)).number,
    );
    const pausedTokens = tokens
      .filter((token) => token.paused !== undefined && usable(token, new Date(now)))
      .map(({ id, name, paused }) => ({ id, name, paused }));
    if (json) terminal.print(JSON.stringify({ ...guard, tenants, pausedTokens }));
    else {
      const { mode, percent, people, minutes, protectedPeople } = guard;
      terminal.print(
        `${mode}: from ${percent} % and ${people} people within ${minutes} minutes; ${protectedPeople.length} protected`,
      );
      terminal.print(
        columns([
          ['TENANT', 'STATE', 'SINCE', 'WHY'],
          ...tenants.map(({ tenant, state, held, released, tripped, reason, paused }) => [
            tenant,
            `${guard.mode === 'off' ? 'off' : state}${paused === undefined ? '' : ', paused'}`,
            held ?? (released === undefined ? (tripped ?? '-') : `until ${released}`),
            reason === undefined ? '-' : lossText(reason),
          ]),
        ]),
      );
      for (const { name, paused } of pausedTokens)
        terminal.print(`token ${name}: writes are paused since ${paused}`);
    }
    return exitStatus.done;
  });
}

export async function releaseGuard(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const text = flags.get('for') ?? defaultRelease;
  const span = parseSpan(text);
  const longest = parseSpan('7d') ?? 0;
  if (span === undefined || span === 0 || span > longest)
    throw new UsageError(`--for must be a span up to 7d, such as 30m or 2h, not "${text}"`);
  return withStore(invocation, false, async (store) => {
    const { number, name } = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    const until = new Date(Date.now() + span);
    const before = (await store.guards.states()).find(({ tenant }) => tenant === number)?.held;
    const { released } = await store.guards.release(number, until, commandActor());
    await noteDeed(store, { action: 'guard.release', tenant: number, detail: `until ${released}` });
    if (json) terminal.print(JSON.stringify({ tenant: name, released, held: before }));
    else
      terminal.print(
        `tenant ${name}: until ${released} everything passes; ${before === undefined ? 'nothing was held back' : 'the provider sends again what was held back'}`,
      );
    return exitStatus.done;
  });
}

/** Pauses what a token or a tenant writes, or resumes it. */
export function setPaused(paused: boolean): (invocation: Invocation) => Promise<number> {
  return (invocation) => {
    const { flags, json, terminal } = invocation;
    const word = flags.get('token');
    const of = flags.get('tenant');
    if (word === undefined && of === undefined)
      throw new UsageError('give --token ID|NAME or --tenant TENANT');
    const since = paused ? new Date().toISOString() : undefined;
    const deed = paused ? 'pause' : 'resume';
    return withAccess(invocation, false, async (store) => {
      let what: object;
      let text: string;
      if (word === undefined) {
        const { number, name } = await findTenant(store, of ?? '');
        await store.pauseTenant(number, since);
        await noteDeed(store, { action: `tenant.${deed}`, tenant: number, detail: name });
        what = { tenant: name };
        text = `all tokens of tenant ${name}`;
      } else {
        const now = new Date();
        const token = await findToken(store, word, of, (each) => usable(each, now));
        const { id, name } = token;
        await store.pauseToken(id, since);
        await noteDeed(store, deedOf(deed, token));
        what = { token: id, name };
        text = `token ${name}`;
      }
      if (json) terminal.print(JSON.stringify({ ...what, paused }));
      else
        terminal.print(
          paused
            ? `${text}: writes are answered 503 until scimd resume; reads go on`
            : `${text}: writes go on`,
        );
      return exitStatus.done;
    });
  };
}
