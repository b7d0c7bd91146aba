/** Rules that settings keep with each other. */
import type { OptionName } from './options.ts';

type Values = ReadonlyMap<OptionName, unknown>;
/** Where each value comes from. */
type Origins = ReadonlyMap<string, string>;

/** What is wrong, a line for each broken rule. */
export function checkTogether(values: Values, origins: Origins): string[] {
  return [
    ...notMore(values, origins, 'limits.defaultPageSize', 'limits.maxPageSize'),
    ...notMore(values, origins, 'limits.headerSeconds', 'limits.requestSeconds'),
    ...needs(values, origins, 'tls.certificateFile', 'tls.keyFile'),
    ...needs(values, origins, 'tls.keyFile', 'tls.certificateFile'),
    ...needs(values, origins, 'jwt.issuer', 'jwt.audience'),
    ...needs(values, origins, 'jwt.issuer', 'jwt.jwksUri', 'jwt.jwksFile'),
    ...(['jwt.audience', 'jwt.jwksUri', 'jwt.jwksFile'] as const).flatMap((name) =>
      needs(values, origins, name, 'jwt.issuer'),
    ),
    ...notBoth(values, origins, 'jwt.jwksUri', 'jwt.jwksFile'),
    ...freePath(values, origins),
    ...samePath(values, origins),
    ...ofProfile(values, origins),
    ...noPasswordOnCommandLine(values, origins),
  ];
}

function notMore(values: Values, origins: Origins, less: OptionName, more: OptionName): string[] {
  if (Number(values.get(less)) <= Number(values.get(more))) return [];
  const place = origins.get(origins.get(less) === 'default' ? more : less);
  return [
    `${place}: ${less}, which is ${values.get(less)}, must not exceed ${more}, which is ${values.get(more)}`,
  ];
}

function isSet(values: Values, name: OptionName): boolean {
  const value = values.get(name);
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function needs(values: Values, origins: Origins, name: OptionName, ...others: OptionName[]): string[] {
  if (!isSet(values, name) || others.some((other) => isSet(values, other))) return [];
  return [`${origins.get(name)}: ${name} needs ${others.join(' or ')} too`];
}

function notBoth(values: Values, origins: Origins, name: OptionName, other: OptionName): string[] {
  if (!isSet(values, name) || !isSet(values, other)) return [];
  return [`${origins.get(name)}: ${name} and ${other} exclude each other`];
}

/** A list of processes shows what they were started with, to everybody on the machine. */
function noPasswordOnCommandLine(values: Values, origins: Origins): string[] {
  const place = origins.get('database') ?? '';
  const isShown = /^postgres(?:ql)?:\/\/[^/?#]*:[^/?#@]+@/i.test(String(values.get('database')));
  if (!isShown || !place.startsWith('flag')) return [];
  return [
    `${place}: a password given here shows in the list of processes; leave it out, and name a file with SCIMD_DATABASE_PASSWORD_FILE, or one of the whole address with SCIMD_DATABASE_FILE`,
  ];
}

/** What is right below these paths is answered by the feed and by streams. */
function freePath(values: Values, origins: Origins): string[] {
  const basePath = values.get('basePath');
  if (basePath !== '/events' && basePath !== '/ssf') return [];
  return [
    `${origins.get('basePath')}: basePath must not be ${basePath}, below which are no endpoints of SCIM`,
  ];
}

/** Links that the server gives lead back to it. */
function samePath(values: Values, origins: Origins): string[] {
  const [baseUrl, basePath] = [values.get('baseUrl'), values.get('basePath')];
  if (typeof baseUrl !== 'string' || pathOf(baseUrl) === basePath) return [];
  const shown = (path: unknown) => (path === '' ? 'empty' : path);
  return [
    `${origins.get('baseUrl')}: the path of baseUrl, which is ${shown(pathOf(baseUrl))}, must be basePath, which is ${shown(basePath)}`,
  ];
}

function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/]*/, '').replace(/\/+$/, '');
}

/** The profile ipsie asks for 25 requests a second at least, and knows no HTTP Basic. */
function ofProfile(values: Values, origins: Origins): string[] {
  if (values.get('profile') === undefined) return [];
  const rate = Number(values.get('limits.requestsPerSecond'));
  return [
    ...(rate > 0 && rate < 25
      ? [
          `${origins.get('limits.requestsPerSecond')}: limits.requestsPerSecond, which is ${rate}, must be at least 25 with the profile ipsie`,
        ]
      : []),
    ...(values.get('auth.basic') === true
      ? [`${origins.get('auth.basic')}: auth.basic and the profile ipsie exclude each other`]
      : []),
  ];
}
