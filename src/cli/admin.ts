/** scimd admin link; and what the page of the server is made with. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import manifest from '../../package.json' with { type: 'json' };
import type { AdminOptions } from '../admin/index.ts';
import { type FilterExplanation, linkMinutes } from '../admin/index.ts';
import { hashSecret, newSecret } from '../directory/secret.ts';
import { documentation } from '../docs/documentation.ts';
import type { ExchangeLog } from '../http/exchange-log.ts';
import { optionNames, optionOf } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { readFilter } from '../query/compile.ts';
import type { Registry } from '../scim/registry.ts';
import { withoutPassword } from '../store/open.ts';
import { explain } from '../store/sqlite/explain.ts';
import type { Store } from '../store/store.ts';
import { commandActor } from './actor.ts';
import { accountsIn } from './audit.ts';
import { exitStatus, type Invocation } from './command.ts';
import { findTenant, withStore } from './database.ts';
import { signingKey } from './evidence-file.ts';
import { planLines, treeLines } from './explain.ts';
import { noteDeed } from './noted-deed.ts';

/** Prints a link that signs an administrator in, once. */
export function printAdminLink(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  const { baseUrl, host, port, tls } = invocation.settings().settings;
  return withStore(invocation, false, async (store) => {
    const tenantName = flags.get('tenant');
    const tenant = tenantName === undefined ? undefined : await findTenant(store, tenantName);
    const secret = newSecret();
    const expires = new Date(Date.now() + linkMinutes * 60_000).toISOString();
    const name = commandActor().name ?? 'operator';
    await store.admin.createGrant({
      kind: 'link',
      role: flags.has('read-only') ? 'read' : 'admin',
      ...(tenant === undefined ? {} : { tenant: tenant.number }),
      ...{ name, expires, hash: hashSecret(secret) },
    });
    await noteDeed(store, {
      action: 'link.create',
      ...(tenant === undefined ? {} : { tenant: tenant.number }),
    });
    const everywhere = host === '0.0.0.0' || host === '::';
    const local = `${tls.certificateFile === undefined ? 'http' : 'https'}://${everywhere || host === '127.0.0.1' ? 'localhost' : host}:${port}`;
    const origin = baseUrl === undefined ? local : new URL(baseUrl).origin;
    const url = `${origin}/admin/enter?code=${secret}`;
    if (json) terminal.print(JSON.stringify({ url, expires }));
    else {
      terminal.print(url);
      if (terminal.interactive) terminal.note(`It works once, for ${linkMinutes} minutes.`);
    }
    return exitStatus.done;
  });
}

/** What only this process knows of the server. */
export function adminOptions(
  start: SettingsInForce,
  store: Pick<Store, 'registry'>,
  exchangeLog: ExchangeLog | undefined,
): AdminOptions {
  const { audit, database, backup } = start.settings;
  return {
    version: manifest.version,
    exchangeLog,
    docs: documentation,
    signingKey: audit.signKeyFile === undefined ? undefined : signingKey(audit.signKeyFile),
    accountsOf: (csv) => accountsIn(Readable.from([Buffer.from(csv)]), 'the list'),
    explain: (filter, type) => explanation(store.registry, filter, type),
    settings: () =>
      optionNames.map((name) => {
        const value = start.values.get(name);
        return { name, value: shownValue(name, value), origin: start.origins.get(name) ?? 'default' };
      }),
    database: () => ({ file: withoutPassword(database), bytes: sizeOf(database) }),
    backups: async () => {
      if (backup.every === undefined) return undefined;
      const folder = resolve(backup.folder ?? dirname(database));
      return backupsIn(folder);
    },
  };
}

function shownValue(name: (typeof optionNames)[number], value: unknown): string {
  if (value === undefined) return '';
  if (optionOf(name).secret) return '[hidden]';
  if (typeof value !== 'string') return JSON.stringify(value);
  return name === 'database' ? withoutPassword(value) : withoutCredentials(value);
}

/** A URL may have a password in it. */
function withoutCredentials(text: string): string {
  return text.replace(/(?<=:\/\/[^/@\s]*:)[^/@\s]+(?=@)/, '[hidden]');
}

function sizeOf(file: string): number {
  return ['', '-wal'].reduce(
    (sum, ending) => sum + (statSync(file + ending, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function backupsIn(
  folder: string,
): readonly { readonly file: string; readonly bytes: number; readonly at: string }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.backup'))
    .flatMap((name) => {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      return found === undefined ? [] : [{ file: name, bytes: found.size, at: found.mtime.toISOString() }];
    })
    .sort((a, b) => b.at.localeCompare(a.at));
}

function explanation(registry: Registry, text: string, typeName: string): FilterExplanation {
  const type = registry.resourceTypes.find(({ name }) => name === typeName);
  if (type === undefined) return { tree: [], plan: [], sql: '', parameters: [], steps: [], unindexed: [] };
  const { filter, plan } = readFilter(text, type);
  const { sql, parameters, steps, unindexed } = explain(registry, {
    tenant: 1,
    targets: [{ type, plan }],
    limit: 100,
  });
  return { tree: treeLines(filter), plan: planLines(plan), sql, parameters, steps, unindexed };
}
