/** Another SCIM server on the command line: its base URL, and the bearer token for it. */
import { readFileSync } from 'node:fs';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { fileReason } from '../ops/file-error.ts';

/**
 * The token of `--token`, or of `--token-file`, which keeps it out of the list of processes; undefined without either.
 * @throws UsageError for both, or for characters that no header allows; the message never repeats the token.
 */
export function tokenFor(flags: ReadonlyMap<string, string>): string | undefined {
  const given = flags.get('token');
  const file = flags.get('token-file');
  if (given !== undefined && file !== undefined) throw new UsageError('--token or --token-file, not both');
  const token = (file === undefined ? given : textOf(file))?.trim().replace(/^Bearer +/i, '');
  if (token === '') throw new UsageError('the token is empty');
  // In a header field other characters end the request, with an error that repeats the token.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('the token contains characters that are not allowed in a header');
  return token;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(
      `--token-file ${file} cannot be read: ${fileReason(error)}`,
      'Give a file that contains the token alone.',
      { cause: error },
    );
  }
}

/** Why a string cannot be the base URL of a SCIM server; undefined if it can. */
export function baseUrlProblem(text: string): 'url' | 'credentials' | 'query' | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'url';
  if (url.username !== '' || url.password !== '') return 'credentials';
  return url.search === '' && url.hash === '' ? undefined : 'query';
}

/** As requests are made from it: without a slash at its end. */
export function baseUrl(text: string): string {
  return new URL(text).href.replace(/\/+$/, '');
}
