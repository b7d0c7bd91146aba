/** The first contact: is there a SCIM server, does it take the token, and what does it say of itself? */
import { CommandError } from '../ops/command-error.ts';
import type { Answer } from '../scim-client.ts';
import { type Failure, type RoundTrip, statusLine } from '../scim-client.ts';
import type { Feature } from './check.ts';
import type { ExaminedServer } from './examined-server.ts';
import { membersOf, resourcesOf, valueAt } from './expect.ts';
import { enterpriseSchema } from './messages.ts';

/** What the server says it does not have, with the reason to give for skipping. */
export interface Announced {
  readonly missing: ReadonlyMap<Feature, string>;
}

/** Throws a CommandError that says what to do when there is nothing to examine. */
export async function reach(client: ExaminedServer, hasToken: boolean): Promise<Announced> {
  const config = await client.send({ method: 'GET', path: '/ServiceProviderConfig' });
  if (config.answer === undefined) throw unreachable(client.base, config.failure!);
  const users = await client.send({ method: 'GET', path: '/Users?startIndex=1&count=1' });
  const answers = [config.answer, users.answer];
  if (answers.some((answer) => answer?.status === 401)) throw unauthorized(hasToken);
  if (!answers.some((answer) => answer !== undefined && isScim(answer)))
    throw noScim(client.base, config, users);
  if (answers.every((answer) => answer?.status === 404)) await checkEndpoint(client);
  const types = await client.send({ method: 'GET', path: '/ResourceTypes' });
  return { missing: missingFeatures(config.answer.json, types.answer?.json, hasToken) };
}

/** A server may know no discovery and answer 404 to an empty list; to a POST of nonsense it does not. */
async function checkEndpoint(client: ExaminedServer): Promise<void> {
  const { answer } = await client.send({ method: 'POST', path: '/Users', body: '{' });
  if (answer?.status === 404) throw nothingThere(client.base);
}

function nothingThere(base: string): CommandError {
  return new CommandError(
    `there is no SCIM server at ${base}: /ServiceProviderConfig and /Users are 404 (RFC 7644 §4)`,
    'Check the path: the base of a SCIM server often ends with /scim/v2',
  );
}

function isScim({ json }: Answer): boolean {
  const { schemas } = membersOf(json);
  return Array.isArray(schemas) && schemas.some((schema) => /^urn:ietf:params:scim:/i.test(String(schema)));
}

function missingFeatures(config: unknown, types: unknown, hasToken: boolean): Map<Feature, string> {
  const missing = new Map<Feature, string>();
  for (const feature of ['patch', 'filter', 'sort', 'etag', 'bulk'] as const)
    if (valueAt(config, [feature, 'supported']) === false)
      missing.set(feature, `/ServiceProviderConfig says that ${feature} is not supported`);
  const listed = resourcesOf(types).map(membersOf);
  const at = (endpoint: string) =>
    listed.find((type) => String(type.endpoint).replace(/^.*\//, '') === endpoint);
  if (listed.length > 0 && at('Groups') === undefined)
    missing.set('groups', '/ResourceTypes lists no Groups');
  const extensions = at('Users')?.schemaExtensions;
  const named = JSON.stringify(extensions ?? '').toLowerCase();
  if (at('Users') !== undefined && !named.includes(enterpriseSchema.toLowerCase()))
    missing.set('enterprise', '/ResourceTypes lists no enterprise extension for Users');
  if (!hasToken) missing.set('token', 'no token was given');
  return missing;
}

function unauthorized(hasToken: boolean): CommandError {
  return hasToken
    ? new CommandError(
        'the server does not take the token: 401 (RFC 7644 §2)',
        'Is it complete, of this server, and neither expired nor revoked? Make another one there.',
      )
    : new CommandError(
        'the server wants a token: 401 (RFC 7644 §2)',
        'Give one: --token TOKEN, or --token-file FILE',
      );
}

function noScim(base: string, config: RoundTrip, users: RoundTrip): CommandError {
  const answer = config.answer!;
  const at = `GET ${base}/ServiceProviderConfig`;
  const location = answer.headers.get('location');
  if (answer.status >= 300 && answer.status < 400)
    return new CommandError(
      `${at} redirects: ${statusLine(answer.status)}${location === null ? '' : ` to ${location}`} (RFC 7644 §3.12)`,
      'A redirect to a sign-in page means that the path or the token is wrong; otherwise give the URL it leads to.',
    );
  if (answer.status === 403 || users.answer?.status === 403)
    return new CommandError(
      'the token is known but may not read here: 403 (RFC 7644 §3.12)',
      'Give a token with the right to read and write users and groups',
    );
  if (/html/i.test(answer.headers.get('content-type') ?? '') || /^\s*</.test(answer.text))
    return new CommandError(
      `${at} gives a web page (${statusLine(answer.status)}), not SCIM's JSON (RFC 7644 §3.8)`,
      'Check the path: the base of a SCIM server often ends with /scim/v2. A proxy may answer in its place.',
    );
  if (answer.status === 404) return nothingThere(base);
  if (answer.status >= 500)
    return new CommandError(
      `${at} fails: ${statusLine(answer.status)} (RFC 7644 §4)`,
      'The log of that server, or of the proxy before it, tells why',
    );
  return new CommandError(
    `${at} gives ${statusLine(answer.status)}, but no SCIM message (RFC 7644 §3.8, §4)`,
    'Check the path: the base of a SCIM server often ends with /scim/v2',
  );
}

function unreachable(base: string, { code, message }: Failure): CommandError {
  const { host, hostname, protocol } = new URL(base);
  if (code === 'TIMEOUT')
    return new CommandError(
      `GET ${base}/ServiceProviderConfig: ${message} (RFC 7644 §4)`,
      'Does a firewall drop the connection? A slow server needs more: --timeout SECONDS',
    );
  if (code === 'ECONNREFUSED')
    return new CommandError(`nothing listens at ${host}`, 'Is the server running, and is the port right?');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new CommandError(`there is no host ${hostname}`, 'Check the name, and the DNS of this machine');
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ALTNAME/.test(code))
    return new CommandError(
      `the certificate of ${host} is not accepted (${code})`,
      code.includes('EXPIRED') || code.includes('ALTNAME')
        ? 'It must be renewed, or made for this name; identity providers refuse it too'
        : 'Identity providers want one of a public authority. For one of your own: NODE_EXTRA_CA_CERTS=ca.pem scimd doctor …',
    );
  if (/^(EPROTO|ERR_SSL)/.test(code))
    return new CommandError(`${host} does not speak TLS (${code})`, 'Is it http:// instead of https://?');
  return new CommandError(
    `no HTTP answer from ${host}: ${message}`,
    protocol === 'http:' ? 'Is it https:// instead of http://?' : 'Check host and port',
  );
}
