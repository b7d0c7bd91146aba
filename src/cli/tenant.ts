/** scimd tenant create, list, delete. */
import { CommandError, UsageError } from '../ops/command-error.ts';
import { columns } from '../ops/terminal.ts';
import { commandActor } from './actor.ts';
import type { Invocation } from './command.ts';
import { withAccess } from './database.ts';
import { noteDeed } from './noted-deed.ts';
import { checkLabel } from './token.ts';

export async function createTenant(invocation: Invocation): Promise<number> {
  const { json, terminal } = invocation;
  const name = checkLabel('NAME', invocation.operand ?? '');
  return withAccess(invocation, true, async (store) => {
    const { number, created } = await store.createTenant(name);
    await noteDeed(store, { action: 'tenant.create', tenant: number, detail: name });
    if (json) terminal.print(JSON.stringify({ name, number, created }));
    else terminal.print(`created tenant ${name}`);
    if (terminal.interactive && !json)
      terminal.note(`Its first token: scimd token create --name NAME --tenant ${name}`);
    return 0;
  });
}

export async function listTenants(invocation: Invocation): Promise<number> {
  const { json, terminal } = invocation;
  return withAccess(invocation, false, async (store) => {
    const tenants = await store.tenants();
    if (json)
      terminal.print(JSON.stringify(tenants.map(({ name, number, created }) => ({ name, number, created }))));
    else if (tenants.length === 0) terminal.note('no tenants; the first token creates the tenant "default"');
    else
      terminal.print(
        columns([
          ['NAME', 'NUMBER', 'CREATED'],
          ...tenants.map(({ name, number, created }) => [name, String(number), created]),
        ]),
      );
    return 0;
  });
}

export async function deleteTenant(invocation: Invocation): Promise<number> {
  const { operand: name = '', flags, json, terminal } = invocation;
  if (!flags.has('yes'))
    throw new UsageError(`this deletes all users, groups and tokens of tenant ${name}; confirm with --yes`);
  return withAccess(invocation, false, async (store) => {
    if (!(await store.deleteTenant(name, commandActor())))
      throw new CommandError(`there is no tenant ${name}`, 'See: scimd tenant list');
    // Of no tenant: whoever may see only that one is gone with it.
    await noteDeed(store, { action: 'tenant.delete', detail: name });
    terminal.print(json ? JSON.stringify({ name, deleted: true }) : `deleted tenant ${name}`);
    return 0;
  });
}
