/** What keeps the server from starting though each setting is valid: serve refuses it, config check reports it. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { JwksFileError, readJwksFile } from '../http/key-set.ts';
import { sensitiveCheck, UnknownAttributeError } from '../http/sensitive.ts';
import { CommandError } from '../ops/command-error.ts';
import { isGuessable } from '../ops/guessable.ts';
import type { Settings } from '../ops/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { isPostgresUrl } from '../store/open.ts';
import { parseAddress } from '../store/postgres/address.ts';
import { StoreError } from '../store/store-error.ts';
import { readCertificate } from './certificate.ts';
import { registryFor } from './database.ts';
import { checkBackups } from './scheduled-backups.ts';
import { checkHost, checkTransport } from './transport.ts';

/** All problems, one line each. Opens and creates nothing. */
export async function startProblems(inForce: SettingsInForce): Promise<string[]> {
  const { settings, origins } = inForce;
  const { jwksFile } = settings.jwt;
  const checks = [
    ['host', () => checkHost(settings)],
    ['host', () => checkTransport(settings)],
    ['tls.certificateFile', () => readCertificate(settings)],
    ['jwt.jwksFile', () => (jwksFile === undefined ? undefined : readJwksFile(jwksFile))],
    ['sensitiveAttributes', () => checkSensitive(inForce)],
    ['backup.every', () => checkBackups(settings)],
    ['bootstrapToken', () => checkBootstrapToken(settings)],
  ] as const;
  const problems: string[] = [];
  for (const [name, check] of checks) {
    try {
      await check();
    } catch (error) {
      problems.push(`${origins.get(name)}: ${textOf(error)}`);
    }
  }
  return problems;
}

/** A guessable token is an open door. */
function checkBootstrapToken({ bootstrapToken }: Settings): void {
  if (bootstrapToken === undefined || !isGuessable(bootstrapToken)) return;
  throw new CommandError(
    'the bootstrap token can be guessed',
    'Use a random one, such as: openssl rand -hex 32.',
  );
}

/** The schemas are compiled only for names to be looked up in them. */
function checkSensitive(inForce: SettingsInForce): void {
  const { sensitiveAttributes } = inForce.settings;
  if (sensitiveAttributes.length > 0) sensitiveCheck(sensitiveAttributes, registryFor(inForce).resourceTypes);
}

function textOf(error: unknown): string {
  if (error instanceof CommandError && error.advice !== undefined) return `${error.message}. ${error.advice}`;
  if (
    error instanceof CommandError ||
    error instanceof JwksFileError ||
    error instanceof UnknownAttributeError
  )
    return error.message;
  throw error;
}

function addressProblem(database: string): string | undefined {
  try {
    parseAddress(database);
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return `${error.message}. ${error.advice}`;
    throw error;
  }
}

/** Checks the database path, or the form of the address; the server itself learns this by opening it. */
export function databaseProblems({ settings, origins }: SettingsInForce): string[] {
  const problem = problemOf(settings);
  return problem === undefined ? [] : [`${origins.get('database')}: ${problem}`];
}

function problemOf({ database }: Settings): string | undefined {
  if (database === ':memory:') return undefined;
  if (isPostgresUrl(database)) return addressProblem(database);
  const folder = dirname(resolve(database));
  if (!existsSync(folder))
    return `${database} cannot be opened: its folder does not exist. Create the folder.`;
  const found = statSync(database, { throwIfNoEntry: false });
  if (found?.isDirectory()) return `${database} is a folder. Give the name of a file in it.`;
  try {
    // SQLite writes files beside it too.
    accessSync(folder, constants.R_OK | constants.W_OK);
    if (found !== undefined) accessSync(database, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `${(error as Error).message}. Let the account that runs the server read and write the file and its folder.`;
  }
}
