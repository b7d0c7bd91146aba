/**
 * Every setting, declared once: flags, environment variables, the file's JSON Schema, help, documentation and the type
 * `Settings` all derive from this table. The key is the path in scim.config.json.
 */
import * as v from 'valibot';
import {
  attributeNotation,
  attributeRule,
  claim,
  fileName,
  flag,
  integer,
  isAddressRange,
  jwtAlgorithmRule,
  jwtAlgorithms,
  limit,
  type Option,
  oneOf,
  option,
  proxyRule,
  text,
  words,
} from './option-types.ts';

const peopleRule = 'must be ids, externalIds or userNames';
const databaseRule = 'must be a file name, :memory: or postgres://…';
const passwordRule = 'must be a password';

const options = {
  host: option(
    text(/^[A-Za-z0-9.:_-]+$/, 'must be an IP address or a host name'),
    '127.0.0.1',
    'Address to listen on',
    { placeholder: 'ADDRESS', common: true },
  ),
  port: option(integer(0, 65_535), 8080, 'Port to listen on; 0 picks a free one', {
    placeholder: 'PORT',
    common: true,
  }),
  database: option(
    v.pipe(v.string(databaseRule), v.nonEmpty(databaseRule)),
    'scimd.db',
    'SQLite file, :memory: or postgres://…',
    { placeholder: 'FILE', common: true, mayBeInFile: true },
  ),
  databasePassword: option(
    v.pipe(v.string(passwordRule), v.nonEmpty(passwordRule)),
    undefined,
    'Password of the PostgreSQL account',
    { secret: true, detail: 'else PGPASSWORD, or the one within the address' },
  ),
  basePath: option(
    text(/^(\/[A-Za-z0-9._~-]+)*$/, 'must start with a slash and not end with one, such as /scim/v2'),
    '/scim/v2',
    'Path of the endpoints',
    { placeholder: 'PATH' },
  ),
  baseUrl: option(
    text(
      /^https?:\/\/[^\s/?#]+(\/[^\s/?#]+)*$/,
      'must be a URL such as https://id.example.com/scim/v2, without a slash at its end',
    ),
    undefined,
    'URL of the endpoints as clients reach them',
    {
      placeholder: 'URL',
      common: true,
      reloadable: true,
      detail: 'for `meta.location` and `$ref`; else taken from each request',
    },
  ),
  trustedProxies: option(
    v.array(v.pipe(v.string(proxyRule), v.check(isAddressRange, proxyRule)), proxyRule),
    [],
    'Proxies whose X-Forwarded-* headers are trusted',
    {
      placeholder: 'RANGES',
      common: true,
      reloadable: true,
      detail: '`Forwarded` too; addresses or CIDR ranges, with commas between them on the command line',
    },
  ),
  profile: option(oneOf('ipsie'), undefined, 'Hold the server to a profile: ipsie', {
    placeholder: 'PROFILE',
    detail:
      'clients authenticate by assertions and nothing else, rates are limited, what is not defined is refused, there is no `password`, and nothing is changed by hand',
  }),
  insecureHttp: option(flag(), false, 'Allow plain HTTP beyond loopback', {
    common: true,
    detail: 'otherwise a certificate or a trusted proxy is required',
  }),
  'tls.certificateFile': option(fileName(), undefined, 'Certificate and its chain, PEM', {
    placeholder: 'FILE',
    common: true,
    reloadable: true,
    detail: 'HTTPS in place of HTTP; read again on SIGHUP and when the file changes',
  }),
  'tls.keyFile': option(fileName(), undefined, 'Private key of the certificate, PEM', {
    placeholder: 'FILE',
    common: true,
    reloadable: true,
  }),
  'auth.basic': option(flag(), false, 'Accept tokens as the password of HTTP Basic too', {
    detail: 'with any user name',
    reloadable: true,
  }),
  'auth.tokenEndpoint': option(flag(), false, 'Issue access tokens at /oauth/token, for client credentials', {
    detail: 'client_id is the id or name of a token, client_secret the token (RFC 6749 §4.4)',
    reloadable: true,
  }),
  'auth.accessTokenSeconds': option(integer(60, 86_400), 3600, 'Lifetime of access tokens, in seconds', {
    reloadable: true,
  }),
  'jwt.issuer': option(text(/^\S+$/, 'must be the `iss` of the tokens'), undefined, 'Accepted JWT issuer', {
    placeholder: 'ISSUER',
    reloadable: true,
    detail: 'the `iss` claim; needs jwt.audience and one of jwt.jwksUri and jwt.jwksFile',
  }),
  'jwt.audience': option(words('must be names such as api://scimd'), [], 'Accepted audiences', {
    placeholder: 'NAMES',
    reloadable: true,
  }),
  'jwt.jwksUri': option(
    text(
      /^(https:\/\/[^\s/?#]+|http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?)([/?]\S*)?$/,
      'must be an https URL',
    ),
    undefined,
    'URL of the issuer’s signing keys',
    {
      placeholder: 'URL',
      reloadable: true,
      detail: 'cached for ten minutes; fetched again for an unknown key',
    },
  ),
  'jwt.jwksFile': option(fileName(), undefined, 'File with the issuer’s signing keys', {
    placeholder: 'FILE',
    reloadable: true,
  }),
  'jwt.algorithms': option(
    v.pipe(v.array(oneOf(...jwtAlgorithms), jwtAlgorithmRule), v.nonEmpty(jwtAlgorithmRule)),
    ['RS256', 'PS256', 'ES256', 'EdDSA'],
    'Accepted signature algorithms',
    { placeholder: 'NAMES', reloadable: true },
  ),
  'jwt.tenantClaim': option(claim(), undefined, 'Claim with the name of the tenant', {
    placeholder: 'CLAIM',
    reloadable: true,
    detail: 'without it all belong to jwt.tenant',
  }),
  'jwt.tenant': option(claim(), 'default', 'Tenant of tokens without such a claim', {
    placeholder: 'TENANT',
    reloadable: true,
    detail: 'where jwt.tenantClaim is not set',
  }),
  'jwt.scopeClaim': option(claim(), 'scope', 'Claim with the scope: scim, read, admin or metrics', {
    placeholder: 'CLAIM',
    reloadable: true,
    detail: '`scp` or `roles` with Entra ID',
  }),
  'jwt.idpClaim': option(claim(), undefined, 'Claim with the provider whose deviations are tolerated', {
    placeholder: 'CLAIM',
    reloadable: true,
    detail: 'else jwt.idp',
  }),
  'jwt.idp': option(claim(), 'generic', 'Provider whose deviations are tolerated', {
    placeholder: 'PROVIDER',
    reloadable: true,
  }),
  'jwt.subjectClaim': option(claim(), undefined, 'Claim with the id of the user that /Me stands for', {
    placeholder: 'CLAIM',
    reloadable: true,
  }),
  publicDiscovery: option(flag(), false, '/Schemas and /ResourceTypes need no token', { reloadable: true }),
  sensitiveAttributes: option(
    v.array(text(attributeNotation, attributeRule), attributeRule),
    [],
    'Attributes that no filter in a URL may name',
    {
      placeholder: 'NAMES',
      reloadable: true,
      detail: 'such a filter is 403 and comes by POST to `.search` instead',
    },
  ),
  uniqueDisplayName: option(flag(), false, 'Refuse a group whose name another group has', {
    reloadable: true,
    detail:
      'created or renamed: 409 uniqueness; letter case aside, in each tenant for itself; groups that share a name already keep it',
  }),
  containsIndex: option(
    v.array(text(attributeNotation, attributeRule), attributeRule),
    [],
    'Attributes with an index for `co`',
    {
      placeholder: 'NAMES',
      detail:
        'worth its writes from 100,000 resources on; serves needles of three characters or more, such as `displayName,emails.value`',
    },
  ),
  'guard.mode': option(oneOf('off', 'alert', 'hold'), 'alert', 'When too many lose access at once', {
    placeholder: 'MODE',
    reloadable: true,
    detail: 'alert tells of it; hold also refuses it until `scimd guard release` (see `scimd docs access`)',
  }),
  'guard.percent': option(integer(1, 100), 20, 'The guard acts from this part of the active people on', {
    detail: 'in percent; in each tenant for itself',
    reloadable: true,
  }),
  'guard.people': option(integer(1, 1_000_000), 20, 'And from so many people on', { reloadable: true }),
  'guard.minutes': option(integer(1, 10_080), 60, 'Within how many minutes', { reloadable: true }),
  'guard.protectedPeople': option(
    v.array(v.pipe(v.string(peopleRule), v.nonEmpty(peopleRule)), peopleRule),
    [],
    'People who are never deactivated or deleted',
    {
      placeholder: 'NAMES',
      reloadable: true,
      detail: 'by id, externalId or userName; such a change is 409',
    },
  ),
  docs: option(flag(), true, 'Show the documentation at /docs, to anybody', { reloadable: true }),
  metrics: option(flag(), true, 'Answer GET /metrics for Prometheus', {
    detail: 'to a token with the scope metrics or admin',
  }),
  bootstrapToken: option(
    text(/^[A-Za-z0-9._~+/-]+=*$/, 'must be a bearer token: letters, digits and . _ ~ + / -'),
    undefined,
    'First token of an empty database',
    { secret: true, common: true, detail: 'instead of a random one; does nothing once there are tokens' },
  ),
  logLevel: option(oneOf('info', 'warn', 'error', 'silent'), 'info', 'Minimum log level', {
    placeholder: 'LEVEL',
    reloadable: true,
    detail: 'reloaded on SIGHUP',
    common: true,
  }),
  logFormat: option(oneOf('auto', 'json', 'pretty'), 'auto', 'Format of log lines', {
    placeholder: 'FORMAT',
    common: true,
    detail: 'auto is pretty on a terminal and JSON elsewhere',
  }),
  logPersonalData: option(flag(), false, 'Log names, addresses and filters'),
  'shutdown.drainSeconds': option(integer(0, 600), 0, 'Seconds of 503 on /readyz before closing', {
    detail: 'for load balancers that poll it',
  }),
  'shutdown.graceSeconds': option(integer(1, 600), 30, 'Grace period for in-flight requests, in seconds'),
  'backup.every': option(
    text(/^[1-9]\d{0,5}[mhdw]$/, 'must be a span such as 30m, 24h, 7d or 2w'),
    undefined,
    'Backup interval',
    { placeholder: 'SPAN', detail: 'such as 24h; each copy is verified' },
  ),
  'backup.folder': option(fileName(), undefined, 'Folder of scheduled backups', {
    placeholder: 'FOLDER',
    detail: 'else beside the database',
  }),
  'backup.keep': option(integer(1, 10_000), 7, 'How many scheduled backups to keep'),
  'admin.enabled': option(flag(), true, 'Serve the page for administrators at /admin', {
    detail: 'for who signs in: by `scimd admin link`, or with a token of the scope admin or read',
    reloadable: true,
  }),
  'audit.signKeyFile': option(fileName(), undefined, 'ed25519 private key that signs reports, PEM', {
    placeholder: 'FILE',
    detail: 'of the page for administrators and its API; commands take `--sign-key`',
  }),
  'exchangeLog.retentionDays': option(integer(1, 3650), 14, 'How many days exchanges are kept'),
  'exchangeLog.maxMegabytes': option(integer(16, 1_048_576), 256, 'Largest size of the exchange log', {
    detail: 'in MB; the oldest exchanges go first',
  }),
  'exchangeLog.bodies': option(flag(), true, 'Keep bodies in it, without secrets'),
  'exchangeLog.enabled': option(flag(), true, 'Keep requests and answers for scimd log'),
  'exchangeLog.file': option(fileName(), undefined, 'SQLite file of the exchange log', {
    placeholder: 'FILE',
    detail: 'else beside the database: `scimd-exchanges.db` for `scimd.db`',
  }),
  'changes.retentionDays': option(integer(0, 36_500), 400, 'How many days changes are kept', {
    detail: '0: for ever',
  }),
  'connections.silentHours': option(
    integer(0, 8760),
    72,
    'Hours without a request after which the connection of a provider is silent',
    { detail: 'the event `connection.silent` tells of it; 0: none is' },
  ),
  'changes.privateReceivers': option(flag(), false, 'Push security event tokens to private addresses too', {
    detail: 'and without TLS, on closed networks; holds for streams that are made while it is set',
    reloadable: true,
  }),
  'limits.bodyBytes': limit(integer(1024, 1_073_741_824), 4_194_304, 'Largest request body in bytes'),
  'limits.bodyDepth': limit(integer(4, 256), 32, 'Deepest nesting in a request body'),
  'limits.defaultPageSize': limit(integer(1, 100_000), 100, 'Page size of a query without count'),
  'limits.maxPageSize': limit(integer(1, 100_000), 1000, 'Largest page'),
  'limits.filterCharacters': limit(integer(16, 1_048_576), 16_384, 'Longest filter or path in characters'),
  'limits.filterDepth': limit(integer(1, 256), 32, 'Deepest nesting in a filter'),
  'limits.filterTerms': limit(integer(1, 10_000), 256, 'Most comparisons in a filter'),
  'limits.bulkOperations': limit(integer(1, 100_000), 1000, 'Most operations in a bulk request'),
  'limits.bulkPasswords': limit(integer(0, 100_000), 200, 'Most passwords in a bulk request', {
    detail: 'each takes 100 ms of a processor; more is 413',
  }),
  'limits.bulkBytes': limit(integer(1024, 1_073_741_824), 8_388_608, 'Largest bulk request in bytes'),
  'limits.cursorSeconds': limit(integer(1, 31_536_000), 3600, 'Lifetime of a cursor, in seconds'),
  'limits.requestsPerSecond': limit(integer(0, 1_000_000), 0, 'Most requests per second with one token', {
    detail: '0: any number; more is 429; ten seconds’ worth may come at once',
  }),
  'limits.requestsPerAddress': limit(integer(0, 1_000_000), 0, 'Most requests per second from an address', {
    detail: '0: any number; the client’s address where a trusted proxy reports it, the /64 of IPv6',
  }),
  'limits.failedAttempts': limit(integer(0, 1_000_000), 20, 'Wrong tokens answered without delay', {
    detail:
      'of one address; later answers wait up to 3 s, then are 429; right tokens never wait; 0: none does',
  }),
  'limits.headerSeconds': limit(integer(1, 3600), 20, 'Timeout for request headers, in seconds'),
  'limits.requestSeconds': limit(integer(1, 3600), 120, 'Timeout for a whole request, in seconds'),
  'limits.idleSeconds': limit(integer(1, 3600), 120, 'Idle timeout, in seconds', {
    detail: 'not while an answer is owed',
  }),
  'limits.connections': limit(integer(1, 1_000_000), 5000, 'Most connections', {
    detail: 'with more, the one that has asked nothing for the longest time is closed',
  }),
  'limits.answerSeconds': limit(integer(1, 3600), 30, 'Timeout for an answer, in seconds', {
    detail: 'from the end of the request on; it is 503 then',
  }),
  'limits.comparedValues': limit(integer(1000, 1e12), 50_000_000, 'Most values that a filter compares', {
    detail: 'values times terms; more is 400 tooMany',
  }),
  'limits.patchedValues': limit(integer(1000, 1e12), 1_000_000, 'Most values that a PATCH compares', {
    detail: 'of all its operations, and of all of a bulk request; more is 400 tooMany',
  }),
  'limits.pageBytes': limit(integer(65_536, 1_073_741_824), 4_194_304, 'Largest page in bytes', {
    detail: 'with more it ends before `count` (RFC 7644 §3.4.2.4), but has one resource at least',
  }),
} as const satisfies Readonly<Record<string, Option>>;

type Options = typeof options;
export type OptionName = keyof Options;

type Value<O> =
  O extends Option<infer T, infer D> ? v.InferOutput<T> | (undefined extends D ? undefined : never) : never;
type Prefix<K> = K extends `${infer P}.${string}` ? P : never;

/** The settings in force. A dotted option is a member of the object before its dot: `settings.limits.bodyBytes`. */
export type Settings = {
  readonly [K in OptionName as K extends `${string}.${string}` ? never : K]: Value<Options[K]>;
} & {
  readonly [P in Prefix<OptionName>]: {
    readonly [K in OptionName as K extends `${P}.${infer M}` ? M : never]: Value<Options[K]>;
  };
};

export const optionNames = Object.keys(options) as OptionName[];

/** The first parts of dotted options. */
export const optionGroups = [...new Set(optionNames.flatMap((name) => name.match(/^\w+(?=\.)/)?.[0] ?? []))];

/** The declaration without the precise types, for code that treats all options alike. */
export function optionOf(name: OptionName): Option {
  return options[name];
}

const flagWords = (name: OptionName) =>
  name.replace('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `limits.bodyBytes` is `limits-body-bytes`, a secret `bootstrap-token-file`. */
export function flagName(name: OptionName): string {
  return optionOf(name).secret ? `${flagWords(name)}-file` : flagWords(name);
}

/** `limits.bodyBytes` is `SCIMD_LIMITS_BODY_BYTES`. */
export function environmentName(name: OptionName): string {
  return `SCIMD_${flagWords(name).replaceAll('-', '_').toUpperCase()}`;
}

/** The variable that names a file with the value, where there is one: `SCIMD_BOOTSTRAP_TOKEN_FILE`. */
export function fileVariableName(name: OptionName): string | undefined {
  const { secret, mayBeInFile } = optionOf(name);
  return secret || mayBeInFile ? `${environmentName(name)}_FILE` : undefined;
}

/** What a setting is made of, as far as reading it from text needs to know. */
export function kindOf(name: OptionName): 'string' | 'number' | 'boolean' | 'array' {
  const { type } = optionOf(name).type;
  return type === 'number' || type === 'boolean' || type === 'array' ? type : 'string';
}

/** The words that a setting can be, if they are listed. */
export function choicesOf(name: OptionName): readonly string[] | undefined {
  const { type } = optionOf(name);
  return 'options' in type ? (type.options as readonly string[]) : undefined;
}
