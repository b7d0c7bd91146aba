/** The commands of roles, locks and the guard, for the table of commands. */
import { applyRoles, checkRoles, listRoles } from './access-rules.ts';
import type { Command, Flag } from './command.ts';
import { defaultTenant } from './database.ts';
import { defaultRelease, guardStatus, releaseGuard, setPaused } from './guard.ts';
import { setLocked } from './users-and-groups.ts';

const ofOneTenant: Flag = { placeholder: 'TENANT', help: 'Tenant to read or change', default: defaultTenant };
const person = { placeholder: 'ID|USERNAME', required: true } as const;

export const accessCommands: readonly Command[] = [
  {
    name: 'roles check',
    summary: 'Show who would gain and lose what by the configured rules',
    settings: ['database'],
    json: true,
    example: 'scimd roles check --config scim.config.json',
    run: checkRoles,
  },
  {
    name: 'roles apply',
    summary: 'Put the configured rules in force, and tell of who gains and loses',
    flags: { force: { help: 'Even where a role keeps fewer people than it must' } },
    settings: ['database'],
    json: true,
    example: 'scimd roles apply',
    run: applyRoles,
  },
  {
    name: 'roles list',
    summary: 'List the rules in force, with how many people have what',
    flags: { tenant: ofOneTenant },
    settings: ['database'],
    json: true,
    example: 'scimd roles list --tenant acme',
    run: listRoles,
  },
  {
    name: 'user lock',
    summary: 'Block access here, whatever the provider says',
    operand: person,
    flags: { tenant: ofOneTenant, reason: { placeholder: 'TEXT', help: 'Why, for the record' } },
    settings: ['database'],
    json: true,
    example: 'scimd user lock bjensen@example.com --reason "lost laptop"',
    run: setLocked(true),
  },
  {
    name: 'user unlock',
    summary: 'Give access back, as far as the provider does',
    operand: person,
    flags: { tenant: ofOneTenant },
    settings: ['database'],
    json: true,
    example: 'scimd user unlock bjensen@example.com',
    run: setLocked(false),
  },
  {
    name: 'guard status',
    summary: 'Show whether changes are held back, and why',
    flags: { tenant: { placeholder: 'TENANT', help: 'Only of this tenant' } },
    settings: ['database'],
    json: true,
    example: 'scimd guard status',
    run: guardStatus,
  },
  {
    name: 'guard release',
    summary: 'Let what is held back pass, when the provider sends it again',
    flags: {
      tenant: ofOneTenant,
      for: { placeholder: 'SPAN', help: 'How long everything passes, up to 7d', default: defaultRelease },
    },
    settings: ['database'],
    json: true,
    example: 'scimd guard release --for 2h',
    run: releaseGuard,
  },
  {
    name: 'pause',
    summary: 'Answer writes of a token or a tenant with 503; reads go on',
    flags: {
      token: { placeholder: 'ID|NAME', help: 'The token' },
      tenant: { placeholder: 'TENANT', help: 'All tokens of this tenant; with --token, where it is' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd pause --token okta',
    run: setPaused(true),
  },
  {
    name: 'resume',
    summary: 'Take writes of a token or a tenant again',
    flags: {
      token: { placeholder: 'ID|NAME', help: 'The token' },
      tenant: { placeholder: 'TENANT', help: 'All tokens of this tenant; with --token, where it is' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd resume --tenant acme',
    run: setPaused(false),
  },
];
