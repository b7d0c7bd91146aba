/** The commands about who had access when, for the table of commands. */
import { access, defaultSince, defaultSla, diff, history, leavers, orphans, seats } from './audit.ts';
import type { Command, Flag } from './command.ts';
import { defaultTenant } from './database.ts';
import { evidenceFlags } from './evidence-file.ts';
import { verify } from './verify.ts';

const tenant: Flag = { placeholder: 'TENANT', help: 'Tenant to read or change', default: defaultTenant };
const at: Flag = {
  placeholder: 'WHEN',
  help: 'A date, a span back such as 90d, or a change',
  default: 'now',
};

export const auditCommands: readonly Command[] = [
  {
    name: 'history',
    summary: 'Show every change of a person: what, when, by whom',
    operand: { placeholder: 'ID|NAME', required: true },
    flags: {
      type: { placeholder: 'TYPE', help: 'Resource type', default: 'User' },
      tenant,
      ...evidenceFlags,
    },
    settings: ['database'],
    json: true,
    example: 'scimd history jane@example.com',
    run: history,
  },
  {
    name: 'access',
    summary: 'Show who had access at a time, by which group',
    flags: {
      at,
      group: { placeholder: 'GROUP', help: 'Only this group: id, externalId or displayName' },
      role: { placeholder: 'ROLE', help: 'Only what gives this role' },
      inactive: { help: 'People who may not sign in too' },
      tenant,
      ...evidenceFlags,
    },
    settings: ['database'],
    json: true,
    example: 'scimd access --at 2026-04-01 --output access.csv',
    run: access,
  },
  {
    name: 'diff',
    summary: 'Show who gained and lost access between two times',
    flags: {
      from: { placeholder: 'WHEN', help: at.help, required: true },
      to: at,
      tenant,
      ...evidenceFlags,
    },
    settings: ['database'],
    json: true,
    example: 'scimd diff --from 2026-01-01 --to 2026-04-01',
    run: diff,
  },
  {
    name: 'leavers',
    summary: 'Show who left, and how long each application took to confirm',
    flags: {
      since: { placeholder: 'WHEN', help: at.help, default: defaultSince },
      until: { placeholder: 'WHEN', help: 'Only who left before then', default: 'now' },
      sla: { placeholder: 'SPAN', help: 'Within which time it must be confirmed', default: defaultSla },
      tenant,
      ...evidenceFlags,
    },
    settings: ['database'],
    json: true,
    example: 'scimd leavers --since 90d --sla 24h',
    run: leavers,
  },
  {
    name: 'orphans',
    summary: 'Find accounts of an application that nobody should have',
    flags: {
      against: { placeholder: 'FILE', help: 'CSV with id, externalId, userName or email', required: true },
      missing: { help: 'People who have no account too' },
      tenant,
      ...evidenceFlags,
    },
    settings: ['database'],
    json: true,
    example: 'scimd orphans --against accounts.csv',
    run: orphans,
  },
  {
    name: 'seats',
    summary: 'Count who has what: people, roles, groups',
    flags: { at, tenant, ...evidenceFlags },
    settings: ['database'],
    json: true,
    example: 'scimd seats --output seats.csv',
    run: seats,
  },
  {
    name: 'verify',
    summary: 'Check the chain of the change record, or an evidence file',
    operand: { placeholder: 'FILE', required: false },
    flags: {
      'public-key': { placeholder: 'FILE', help: 'Whose signature the file must have (PEM)' },
      head: { placeholder: 'NUMBER:LINK', help: 'What it printed earlier, to be compared with' },
      tenant: { placeholder: 'TENANT', help: 'Only of this tenant' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd verify && scimd verify access.csv',
    run: verify,
  },
];
