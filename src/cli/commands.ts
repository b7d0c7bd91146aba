/** The table of commands: dispatch, help and completion all read it. */
import { flowNames } from '../doctor/check.ts';
import { optionNames } from '../ops/options.ts';
import { idps } from '../scim/tolerances.ts';
import { formats } from '../transfer/file-source.ts';
import { conflictAnswers } from '../transfer/importer.ts';
import { accessCommands } from './access-commands.ts';
import { auditCommands } from './audit-commands.ts';
import { backUpDatabase, noteRestored, restoreDatabase } from './backup.ts';
import type { Command, Flag } from './command.ts';
import { completion, shells } from './completion.ts';
import { checkConfiguration, printConfiguration, printSchema } from './config.ts';
import { copy } from './copy.ts';
import { defaultTenant } from './database.ts';
import { printDocs } from './docs.ts';
import { defaultTimeout, doctor } from './doctor.ts';
import { eventCommands } from './event-commands.ts';
import { explainFilter } from './explain.ts';
import { exportResources } from './export.ts';
import { healthcheck } from './healthcheck.ts';
import { printHelp } from './help.ts';
import { defaultOnConflict, importResources } from './import.ts';
import { init } from './init.ts';
import { printLicenses } from './licenses.ts';
import { migrateDatabase } from './migrate.ts';
import { peopleCommands } from './people-commands.ts';
import { serveCommand } from './serve.ts';
import { createTenant, deleteTenant, listTenants } from './tenant.ts';
import {
  createToken,
  defaultExpiry,
  defaultOverlap,
  listTokens,
  revokeToken,
  rotateToken,
  scopes,
  showToken,
} from './token.ts';
import { printVersion } from './version.ts';

const ofOneTenant: Flag = { placeholder: 'TENANT', help: 'Tenant to read', default: defaultTenant };
const ofTenant: Flag = { placeholder: 'TENANT', help: 'Only of this tenant' };
const token = { placeholder: 'ID|NAME', required: true } as const;

export const commands: readonly Command[] = [
  serveCommand,
  {
    name: 'token create',
    summary: 'Create a token and print it (shown only once)',
    flags: {
      name: { placeholder: 'NAME', help: 'Name of the token, such as the provider', required: true },
      tenant: { placeholder: 'TENANT', help: 'Tenant that it gives access to', default: defaultTenant },
      idp: {
        placeholder: 'PROVIDER',
        help: `Provider whose deviations are tolerated: ${idps.join(', ')}`,
        choices: idps,
        default: idps[0],
      },
      scope: {
        placeholder: 'SCOPE',
        help: `What it may do: ${scopes.join(', ')}`,
        choices: scopes,
        default: scopes[0],
      },
      expires: { placeholder: 'WHEN', help: '90d, 12h, 2w, 1y or a date', default: defaultExpiry },
      subject: { placeholder: 'USER_ID', help: 'The id of the user that /Me stands for' },
      'client-keys': { placeholder: 'URL|FILE', help: 'Public keys of a client that signs assertions' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd token create --name okta --idp okta --expires 1y',
    run: createToken,
  },
  {
    name: 'token list',
    summary: 'List tokens, without their secrets',
    flags: { tenant: ofTenant },
    settings: ['database'],
    json: true,
    example: 'scimd token list --json',
    run: listTokens,
  },
  {
    name: 'token show',
    summary: 'Show a token, without its secret',
    operand: token,
    flags: { tenant: ofTenant },
    settings: ['database'],
    json: true,
    example: 'scimd token show okta',
    run: showToken,
  },
  {
    name: 'token rotate',
    summary: 'Replace a token; the old one works until the overlap ends',
    operand: token,
    flags: {
      overlap: { placeholder: 'SPAN', help: 'How long the old one still works', default: defaultOverlap },
      expires: { placeholder: 'WHEN', help: 'As for token create; default: the lifetime of the old one' },
      tenant: ofTenant,
    },
    settings: ['database'],
    json: true,
    example: 'scimd token rotate okta --overlap 24h',
    run: rotateToken,
  },
  {
    name: 'token revoke',
    summary: 'Revoke a token now',
    operand: token,
    flags: { tenant: ofTenant },
    settings: ['database'],
    json: true,
    example: 'scimd token revoke okta',
    run: revokeToken,
  },
  {
    name: 'tenant create',
    summary: 'Create a tenant',
    operand: { placeholder: 'NAME', required: true },
    settings: ['database'],
    json: true,
    example: 'scimd tenant create acme',
    run: createTenant,
  },
  {
    name: 'tenant list',
    summary: 'List tenants',
    settings: ['database'],
    json: true,
    example: 'scimd tenant list',
    run: listTenants,
  },
  {
    name: 'tenant delete',
    summary: 'Delete a tenant with its users, groups and tokens',
    operand: { placeholder: 'NAME', required: true },
    flags: { yes: { help: 'Confirm the deletion' } },
    settings: ['database'],
    json: true,
    example: 'scimd tenant delete acme --yes',
    run: deleteTenant,
  },
  ...eventCommands,
  ...peopleCommands,
  ...accessCommands,
  ...auditCommands,
  {
    name: 'explain',
    summary: 'Show how a filter runs: tree, plan, SQL, index use',
    operand: { placeholder: 'FILTER', required: true },
    flags: { type: { placeholder: 'TYPE', help: 'Resource type', default: 'User' } },
    settings: ['containsIndex'],
    json: true,
    example: `scimd explain 'emails[type eq "work" and value co "@example.com"]'`,
    run: explainFilter,
  },
  {
    name: 'export',
    summary: 'Write users and groups to an NDJSON or CSV file',
    operand: { placeholder: 'FILE', required: false },
    flags: {
      type: { placeholder: 'TYPE', help: 'Only this resource type; a CSV file has one [User]' },
      filter: { placeholder: 'FILTER', help: 'Only resources that match a SCIM filter; with --type' },
      format: { placeholder: 'FORMAT', help: 'ndjson, or csv as for FILE.csv', choices: formats },
      columns: { placeholder: 'PATHS', help: 'Columns of the CSV: userName,name.givenName [all]' },
      tenant: ofOneTenant,
    },
    settings: ['database'],
    json: true,
    example: 'scimd export people.csv --columns userName,active',
    run: exportResources,
  },
  {
    name: 'import',
    summary: 'Import users and groups from a file or another SCIM server',
    operand: { placeholder: 'FILE', required: false },
    flags: {
      from: { placeholder: 'URL', help: 'Another SCIM server, instead of a file' },
      'token-file': { placeholder: 'FILE', help: 'Its bearer token' },
      type: {
        placeholder: 'TYPE',
        help: 'Resource type of CSV rows [User]; with --from, import only this type',
      },
      format: { placeholder: 'FORMAT', help: 'ndjson, or csv as for FILE.csv', choices: formats },
      'on-conflict': {
        placeholder: 'WHAT',
        help: 'If a different resource already exists: fail, skip, replace',
        choices: conflictAnswers,
        default: defaultOnConflict,
      },
      'dry-run': { help: 'Show what would be done without doing it' },
      resume: { help: 'Resume where the last import of it stopped' },
      after: { placeholder: 'LINE', help: 'Skip lines up to and including this one' },
      tenant: { placeholder: 'TENANT', help: 'Target tenant', default: defaultTenant },
    },
    settings: ['database'],
    json: true,
    example: 'scimd import people.csv --dry-run',
    run: importResources,
  },
  {
    name: 'backup',
    summary: 'Copy the database while it is in use, and verify the copy',
    operand: { placeholder: 'FILE', required: false },
    settings: ['database'],
    json: true,
    example: 'scimd backup scimd.backup; scimd backup - | gzip > scimd.backup.gz',
    run: backUpDatabase,
  },
  {
    name: 'restore',
    summary: 'Replace an offline database with a backup',
    operand: { placeholder: 'FILE', required: true },
    settings: ['database'],
    json: true,
    example: 'scimd restore scimd.backup --database scimd.db',
    run: restoreDatabase,
  },
  {
    name: 'restored',
    summary: 'Tell applications that the database was restored with other tools',
    settings: ['database'],
    json: true,
    example: 'scimd restored --database postgres://scimd@db.example.com/scimd',
    run: noteRestored,
  },
  {
    name: 'copy',
    summary: 'Copy a database with all it has: SQLite to PostgreSQL, and back',
    flags: {
      from: { placeholder: 'DATABASE', help: 'File or postgres:// address [the database]' },
      to: { placeholder: 'DATABASE', help: 'A new file, or an empty database [the database]' },
      live: { help: 'Let the source be written to; later changes are not copied' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd copy --from scimd.db --to postgres://scimd@db.example.com/scimd',
    run: copy,
  },
  {
    name: 'migrate',
    summary: 'Bring a database up to date without serving it',
    settings: ['database'],
    json: true,
    example: 'scimd migrate --database scimd.db',
    run: migrateDatabase,
  },
  {
    name: 'doctor',
    summary: 'Test a SCIM server the way Okta, Entra ID and the RFCs use it',
    operand: { placeholder: 'URL', required: true },
    flags: {
      token: { placeholder: 'TOKEN', help: 'Bearer token that may read and write' },
      'token-file': { placeholder: 'FILE', help: 'Read the token from a file' },
      only: { placeholder: 'PART', help: `One part: ${flowNames.join(', ')}`, choices: flowNames },
      timeout: { placeholder: 'SECONDS', help: 'How long to wait for an answer', default: defaultTimeout },
      verbose: { help: 'Show every request and answer' },
    },
    json: true,
    example: 'scimd doctor https://id.example.com/scim/v2 --token TOKEN --only okta',
    run: doctor,
  },
  {
    name: 'init',
    summary: 'Write scim.config.json with every default explained',
    flags: {
      systemd: { help: 'Write a systemd unit, scimd.service, instead' },
      force: { help: 'Overwrite existing files' },
    },
    json: true,
    example: 'scimd init && scimd init --systemd',
    run: init,
  },
  {
    name: 'healthcheck',
    summary: 'Ask a server whether it is ready',
    operand: { placeholder: 'URL', required: false },
    settings: ['host', 'port', 'tls.certificateFile', 'tls.keyFile'],
    json: true,
    example: 'scimd healthcheck http://127.0.0.1:8080',
    run: healthcheck,
  },
  {
    name: 'config check',
    summary: 'Check file, environment and flags; status 2 if invalid',
    settings: optionNames,
    json: true,
    example: 'scimd config check --config scim.config.json',
    run: checkConfiguration,
  },
  {
    name: 'config print',
    summary: 'Print every effective setting and its source',
    settings: optionNames,
    json: true,
    example: 'scimd config print --json',
    run: printConfiguration,
  },
  {
    name: 'config schema',
    summary: 'Print the JSON Schema of scim.config.json',
    json: true,
    example: 'scimd config schema > scim.config.schema.json',
    run: printSchema,
  },
  {
    name: 'docs',
    summary: 'Read the documentation',
    operand: { placeholder: 'TOPIC', required: false },
    json: true,
    example: 'scimd docs okta',
    run: printDocs,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    operand: { placeholder: 'SHELL', required: true, choices: shells },
    example: 'source <(scimd completion bash)',
    run: completion,
  },
  {
    name: 'licenses',
    summary: 'Print third-party licenses',
    json: true,
    example: 'scimd licenses',
    run: printLicenses,
  },
  {
    name: 'version',
    summary: 'Print the version',
    json: true,
    example: 'scimd version',
    run: printVersion,
  },
  {
    name: 'help',
    summary: 'Explain a command, or "settings"',
    operand: { placeholder: 'COMMAND', required: false, words: true },
    example: 'scimd help token create',
    run: printHelp,
  },
];
