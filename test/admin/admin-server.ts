/** A server with the page for administrators, as `scimd serve` starts it, and browsers that are signed in there. */
import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { adminMounts } from '../../src/admin/index.ts';
import { adminOptions } from '../../src/cli/admin.ts';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { documentation } from '../../src/docs/documentation.ts';
import { ExchangeLog } from '../../src/http/exchange-log.ts';
import type { HttpOptions } from '../../src/http/options.ts';
import { readSettings } from '../../src/ops/settings.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { AdminRole } from '../../src/store/admin.ts';
import type { Store } from '../../src/store/store.ts';
import { type ServerOptions, startScimd, type TestServer } from '../server.ts';

/** The mounts of the page, over settings as they are by default. */
export function testMounts(
  log: ExchangeLog | undefined,
  signingKey?: KeyObject,
): NonNullable<HttpOptions['mounts']> {
  const start = readSettings({
    flags: new Map(),
    environment: {},
    folder: tmpdir(),
    checkDefinitions: () => ({ problems: [], warnings: [] }),
  });
  return adminMounts({ ...adminOptions(start, { registry: standardRegistry() }, log), signingKey });
}

export interface AdminServer extends TestServer {
  readonly store: Store;
  readonly log: ExchangeLog;
  /** `http://localhost:1234`: browsers keep Secure cookies of this host. */
  readonly origin: string;
  /** The link of `scimd admin link`; with a tenant's number, of that tenant alone. */
  link(role?: AdminRole, tenant?: number): Promise<string>;
  /** The cookie of a session, for requests without a browser. */
  cookie(role?: AdminRole, tenant?: number): Promise<string>;
}

export async function startAdmin({
  signingKey,
  ...options
}: ServerOptions & { readonly signingKey?: KeyObject } = {}): Promise<AdminServer> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-admin-'));
  const log = new ExchangeLog({
    ...{ file: join(folder, 'exchanges.db'), days: 14, megabytes: 256, bodies: true },
    ...{ registry: standardRegistry(), sensitive: [], addon: undefined },
    onTrouble: (reason) => {
      throw new Error(reason);
    },
  });
  const server = await startScimd({
    docs: documentation,
    exchangeLog: log,
    mounts: testMounts(log, signingKey),
    ...options,
  });
  const { store } = server;
  if (store === undefined) throw new Error('the sources are needed');
  const origin = new URL(server.base).origin.replace('127.0.0.1', 'localhost');
  const link: AdminServer['link'] = async (role = 'admin', tenant) => {
    const secret = newSecret();
    await store.admin.createGrant({
      ...{ kind: 'link', role, name: 'tester', hash: hashSecret(secret) },
      expires: new Date(Date.now() + 60_000).toISOString(),
      ...(tenant === undefined ? {} : { tenant }),
    });
    return `${origin}/admin/enter?code=${secret}`;
  };
  return {
    ...server,
    ...{ store, log, origin, link },
    async cookie(role, tenant) {
      const url = new URL(await link(role, tenant));
      const answer = await fetch(`${url.origin}${url.pathname}`, {
        method: 'POST',
        body: new URLSearchParams({ code: url.searchParams.get('code') ?? '' }),
        redirect: 'manual',
      });
      return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    },
    async close() {
      await server.close();
      await log.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The names by which systems know it; `CHROMIUM` names another. */
const found = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].find((name) => {
  try {
    return name !== undefined && execFileSync(name, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return false;
  }
});

/** Why tests in a browser are left out, if they are. */
export const noBrowser =
  found === undefined && 'there is no Chromium here: install it, or name it in CHROMIUM';

export function openBrowser(): Promise<Browser> {
  const path = execFileSync('sh', ['-c', `command -v ${found}`], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}
