/** scimd roles check, apply, list; and the rules that a server starts with. */
import {
  applyRules,
  keepProblems,
  ruleWarnings,
  sameRules,
  seatProblems,
} from '../directory/access-rules.ts';
import type { Log } from '../http/options.ts';
import { CommandError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { columns } from '../ops/terminal.ts';
import { readAccessRules } from '../query/access-rules.ts';
import { type AccessRule, grantedText, RulesError } from '../scim/roles.ts';
import type { RulesEffect } from '../store/grants.ts';
import type { Store } from '../store/store.ts';
import { commandActor } from './actor.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';

/** People of one change that are named. */
const mostNamed = 20;

/** Undefined where the configuration says nothing of rules: then those in force stay. */
function configuredRules(
  { definitions }: Pick<SettingsInForce, 'definitions'>,
  { registry }: Pick<Store, 'registry'>,
): AccessRule[] | undefined {
  const { roles, entitlements } = definitions;
  return roles === undefined && entitlements === undefined
    ? undefined
    : readAccessRules(definitions, registry);
}

/** Puts the configured rules in force, when a server starts and when it reads them again. */
export async function applyConfiguredRules(inForce: SettingsInForce, store: Store, log: Log): Promise<void> {
  const rules = configuredRules(inForce, store);
  if (rules === undefined) {
    if ((await store.grants.rules()).length > 0)
      log.warn({}, 'rules of roles are in force that the configuration does not have: see scimd roles list');
    return;
  }
  try {
    const effects = await applyRules(store, rules, { kind: 'system' });
    if (effects === undefined) return;
    const people = effects.flatMap(({ changes }) =>
      changes.flatMap(({ gained, lost }) => [...gained, ...lost]),
    );
    log.info(
      { people: new Set(people).size },
      'the rules of roles have changed; the access of so many people with them',
    );
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    log.error({ problems: error.problems }, 'the rules of roles stay as they were: see scimd roles check');
  }
}

export async function checkRoles(invocation: Invocation): Promise<number> {
  const { json, terminal } = invocation;
  return withStore(invocation, false, async (store) => {
    const rules = requireRules(invocation, store);
    const effects = await store.grants.check(rules);
    const warnings = ruleWarnings(rules, store.registry);
    const refused = keepProblems(rules, effects);
    if (json) {
      const same = sameRules(await store.grants.rules(), rules);
      terminal.print(JSON.stringify({ applied: same, effects, warnings, refused }));
    } else {
      await printEffects(invocation, store, rules, effects);
      for (const problem of refused) terminal.note(`scimd: ${problem}`);
    }
    return refused.length === 0 ? exitStatus.done : exitStatus.failed;
  });
}

export async function applyRoles(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  return withStore(invocation, false, async (store) => {
    const rules = requireRules(invocation, store);
    let effects: readonly RulesEffect[] | undefined;
    try {
      effects = await applyRules(store, rules, commandActor(), flags.has('force'));
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      throw new CommandError(
        error.message,
        'Nothing was changed. See scimd roles check; --force applies them all the same.',
      );
    }
    if (json) terminal.print(JSON.stringify({ changed: effects !== undefined, effects: effects ?? [] }));
    else if (effects === undefined) terminal.print('these rules are in force already');
    else await printEffects(invocation, store, rules, effects);
    return exitStatus.done;
  });
}

export async function listRoles(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    const people = await store.grants.people(tenant.number);
    const rules = (await store.grants.rules())
      .filter(({ tenants }) => tenants === undefined || tenants.includes(tenant.name))
      .map((rule) => ({
        ...rule,
        people: people.find(({ kind, name }) => kind === rule.kind && name === rule.name)?.people ?? 0,
      }));
    if (json) terminal.print(JSON.stringify(rules));
    else if (rules.length === 0)
      terminal.note(
        'no rules: write roles into scim.config.json, then scimd roles check and scimd roles apply',
      );
    else
      terminal.print(
        columns([
          ['KIND', 'NAME', 'PEOPLE', 'SEATS', 'KEEP', 'GROUPS'],
          ...rules.map(({ kind, name, people: used, seats, keep, groups }) => [
            ...[kind, name, String(used), String(seats ?? '-'), String(keep ?? '-')],
            escapeControls(groups),
          ]),
        ]),
      );
    return exitStatus.done;
  });
}

function requireRules(invocation: Invocation, store: Store): AccessRule[] {
  const inForce = invocation.settings();
  const rules = configuredRules(inForce, store);
  if (rules !== undefined) return rules;
  throw new CommandError(
    `${inForce.file ?? 'scim.config.json'} has no rules of roles`,
    'Write them under "roles" and "entitlements": scimd docs access. "roles": {} takes all of them away.',
  );
}

async function printEffects(
  { terminal }: Invocation,
  store: Store,
  rules: readonly AccessRule[],
  effects: readonly RulesEffect[],
): Promise<void> {
  for (const effect of effects) {
    const { tenant, changes, people, unmatched, idle } = effect;
    const lines: string[] = [];
    const { number } = await findTenant(store, tenant);
    for (const { kind, name, gained, lost } of changes)
      for (const [verb, ids] of [
        ['gain', gained],
        ['lose', lost],
      ] as const)
        if (ids.length > 0)
          lines.push(
            `${ids.length} ${verb}${ids.length === 1 ? 's' : ''} the ${grantedText({ kind, name })}: ${await namesOf(store, number, ids)}`,
          );
    if (changes.length === 0) lines.push('nobody gains or loses anything');
    for (const { kind, name, people: used } of people) {
      const { seats } = rules.find((rule) => rule.kind === kind && rule.name === name) ?? {};
      lines.push(`${grantedText({ kind, name })}: ${used}${seats === undefined ? '' : ` of ${seats}`}`);
    }
    for (const granted of unmatched) lines.push(`no group gives the ${grantedText(granted)}`);
    if (idle.length > 0) {
      const shown = idle.slice(0, mostNamed).map(({ group, display }) => display ?? group);
      lines.push(`groups that give nothing: ${listed(shown, idle.length)}`);
    }
    lines.push(...seatProblems(rules, effect));
    terminal.print(escapeControls(`tenant ${tenant}`));
    for (const line of lines) terminal.print(`  ${escapeControls(line)}`);
  }
}

async function namesOf(store: Store, tenant: number, ids: readonly string[]): Promise<string> {
  const some = ids.slice(0, mostNamed);
  const found = new Map(await store.feed.resources(tenant, some));
  const names = some.map((id) => {
    const body = found.get(id)?.resource.body;
    const userName = body === undefined ? undefined : (JSON.parse(body) as { userName?: unknown }).userName;
    return typeof userName === 'string' ? userName : id;
  });
  return listed(names, ids.length);
}

function listed(some: readonly string[], all: number): string {
  return `${some.join(', ')}${all > some.length ? ` and ${all - some.length} more` : ''}`;
}
