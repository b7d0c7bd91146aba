/**
 * What the exchange log keeps of a request and its answer: what was asked, whom it is about, bodies without secrets. Runs in
 * the log's own thread, after the answer.
 */
import { isObject } from '../scim/object.ts';
import { type Asked, mentionKey, type NewExchange } from '../store/exchanges.ts';

/** A request and its answer as the server hands them over, at the cost of a few references. */
export interface RawExchange {
  readonly at: number;
  readonly tenant: number | undefined;
  readonly token: string | undefined;
  readonly tokenName: string | undefined;
  readonly idp: string | undefined;
  readonly refused: 'expired' | 'revoked' | undefined;
  readonly agent: string | undefined;
  readonly method: string;
  readonly path: string;
  /** As sent. */
  readonly search: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly tolerances: readonly string[];
  readonly requestId: string;
  /** `/Users/:id`, `/events`, `unknown`. */
  readonly route: string;
  /** The first characters of the body, and how many there were. */
  readonly sent: string | undefined;
  readonly sentLength: number;
  /** The first characters of the answer; absent where it was streamed. */
  readonly answered: string | undefined;
  /** One of so many at once that the answer is not kept: the directory has what it said. */
  readonly isBrief?: boolean | undefined;
  /** How many reads it stands for. */
  readonly alike?: number | undefined;
}

export interface EntryOptions {
  /** Are bodies kept? */
  readonly bodies: boolean;
  /** Names of attributes, in lower case, whose values are never kept: `password`, and what the configuration calls sensitive. */
  readonly masked: readonly string[];
  /** Finds any of them, in any letters. */
  readonly maskedPattern: RegExp;
  /** By the endpoint with its slash. */
  readonly types: Readonly<Record<string, string>>;
}

/** Characters of a body that are kept: of what a client sent, of an error, of another answer. */
const kept = { sent: 16_384, refused: 8192, answered: 4096 };
const hidden = '[hidden]';
const mostMentions = 12;

export function readExchange(raw: RawExchange, options: EntryOptions): NewExchange {
  const { route, status, method } = raw;
  const sentText = raw.sent ?? '';
  const isWhole = sentText.length === raw.sentLength;
  const answered = raw.answered ?? '';
  const createdExternalId = method === 'POST' ? externalIdIn(answered) : undefined;
  // What a create says is read from its answer: shown by the figure `exchange-log-create` of npm run bench.
  const isRead = sentText !== '' && isWhole && createdExternalId === undefined;
  const sent = isRead ? parsed(sentText) : undefined;
  const search = queryOf(raw.search, options);
  const type = options.types[/^\/[^/]+/.exec(route)?.[0] ?? ''];
  const subject = raw.alike === undefined ? subjectOf(raw, answered) : undefined;
  const asked: Asked =
    raw.alike === undefined
      ? askedFor(raw, search, sent, answered, type, createdExternalId)
      : { kind: 'reads', count: raw.alike };
  const name = nameOf(asked, sent, answered, status);
  const mentions: string[] = [];
  const mention = (text: unknown): void => {
    if (typeof text !== 'string' || text === '' || mentions.length >= mostMentions) return;
    const key = mentionKey(text);
    if (!mentions.includes(key)) mentions.push(key);
  };
  mention(subject);
  if (!raw.isBrief) mention(name);
  if (asked.kind === 'look-up') mention(asked.value);
  mention(isObject(sent) ? sent.externalId : createdExternalId);
  if (asked.kind === 'look-up' && asked.found === 1) mention(textIn(answered, 'id'));
  if (asked.kind === 'update') {
    asked.added?.forEach(mention);
    asked.removed?.forEach(mention);
  }
  if (status >= 400) mention(raw.requestId);
  const isRefused = status >= 400;
  const sentBody = options.bodies ? bodyOf(sentText, sent, isWhole, kept.sent, options) : undefined;
  const answeredBody =
    options.bodies && !raw.isBrief
      ? bodyOf(answered, undefined, true, isRefused ? kept.refused : kept.answered, options)
      : undefined;
  return {
    at: raw.at,
    tenant: raw.tenant,
    token: raw.token,
    tokenName: raw.tokenName,
    idp: raw.idp,
    refused: raw.refused,
    agent: raw.agent?.slice(0, 200),
    method,
    path: safe(raw.path.slice(0, 500)),
    search: search?.text,
    status,
    scimType: isRefused ? textIn(answered, 'scimType') : undefined,
    detail: isRefused ? maskedIn(textIn(answered, 'detail'), options)?.slice(0, 1000) : undefined,
    milliseconds: raw.milliseconds,
    tolerances: raw.tolerances,
    requestId: raw.requestId,
    type,
    subject,
    name,
    asked,
    sent: sentBody?.text,
    isSentCut: sentBody?.isCut,
    answered: answeredBody?.text,
    isAnsweredCut: answeredBody?.isCut,
    mentions,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member's text, found without reading all of the JSON. */
function textIn(json: string, member: keyof typeof members): string | undefined {
  const found = members[member].exec(json)?.[1];
  const value = found === undefined ? undefined : parsed(found);
  return typeof value === 'string' ? value : undefined;
}

const members = {
  id: /"id":("(?:[^"\\]|\\.)*")/,
  userName: /"userName":("(?:[^"\\]|\\.)*")/,
  displayName: /"displayName":("(?:[^"\\]|\\.)*")/,
  scimType: /"scimType":("(?:[^"\\]|\\.)*")/,
  detail: /"detail":("(?:[^"\\]|\\.)*")/,
} as const;

/** Of a resource that is answered whole. */
function externalIdIn(json: string): string | undefined {
  const found = /^\{"schemas":\[[^\]]*\],"id":"(?:[^"\\]|\\.)*","externalId":("(?:[^"\\]|\\.)*")/.exec(
    json,
  )?.[1];
  const value = found === undefined ? undefined : parsed(found);
  return typeof value === 'string' ? value : undefined;
}

function totalIn(json: string): number | undefined {
  const found = /"totalResults":(\d+)/.exec(json)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Tokens of ours, wherever somebody puts them. */
function safe(text: string): string {
  // A rare character first: V8 looks for the first one of a text, of which others are full.
  const isSafe =
    !(text.includes('_') && text.includes('scimd_')) && !(text.includes('J') && text.includes('eyJ'));
  if (isSafe) return text;
  return text.replace(/scimd_[A-Za-z0-9_-]{20,}|eyJ[\w-]{8,}\.[\w.-]+/g, hidden);
}

interface Query {
  readonly text: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function queryOf(search: string, options: EntryOptions): Query | undefined {
  if (search === '') return undefined;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search.slice(0, 4000))) {
    const lower = name.toLowerCase();
    const secret = /token|secret|password|authorization/.test(lower);
    const filter = lower === 'filter' ? maskedFilter(value, options) : value;
    parameters.set(lower === 'sortby' ? 'sortBy' : name, secret ? hidden : safe(filter));
  }
  return { text: [...parameters].map(([name, value]) => `${name}=${value}`).join('&'), parameters };
}

/** A filter without what it compares a masked attribute with. */
function maskedFilter(filter: string, { maskedPattern }: EntryOptions): string {
  if (!maskedPattern.test(filter)) return filter;
  return filter.replace(/"(?:[^"\\]|\\.)*"?/g, `"${hidden}"`);
}

function maskedIn(detail: string | undefined, options: EntryOptions): string | undefined {
  return detail === undefined ? undefined : safe(maskedFilter(detail, options));
}

function subjectOf({ route, path, status }: RawExchange, answered: string): string | undefined {
  if (route.endsWith('/:id')) {
    let end = path.length;
    while (path[end - 1] === '/') end--;
    const last = path.slice(path.lastIndexOf('/', end - 1) + 1, end);
    try {
      if (last === '') return undefined;
      return safe(last.includes('%') ? decodeURIComponent(last) : last).slice(0, 200);
    } catch {
      return undefined;
    }
  }
  return status === 201 ? textIn(answered, 'id') : undefined;
}

function nameOf(asked: Asked, sent: unknown, answered: string, status: number): string | undefined {
  if (asked.kind === 'list' || asked.kind === 'look-up' || asked.kind === 'bulk') return undefined;
  const ofAnswer =
    status < 300 ? (textIn(answered, 'userName') ?? textIn(answered, 'displayName')) : undefined;
  if (ofAnswer !== undefined) return ofAnswer;
  if (!isObject(sent)) return undefined;
  const name = sent.userName ?? sent.displayName;
  return typeof name === 'string' ? name : undefined;
}

function askedFor(
  { method, route, status }: RawExchange,
  query: Query | undefined,
  sent: unknown,
  answered: string,
  type: string | undefined,
  createdExternalId: string | undefined,
): Asked {
  if (route.startsWith('/events')) return { kind: 'events' };
  if (route.endsWith('/oauth/token')) return { kind: 'token' };
  if (/^\/(?:ServiceProviderConfig|Schemas|ResourceTypes)/.test(route)) return { kind: 'discovery' };
  if (route === '/Bulk') {
    const operations = isObject(sent) && Array.isArray(sent.Operations) ? sent.Operations.length : 0;
    return { kind: 'bulk', operations };
  }
  const listed = (filter: unknown): Asked => {
    const found = status < 300 ? totalIn(answered) : undefined;
    const by = typeof filter === 'string' ? lookUp.exec(filter) : null;
    const value = by === null ? undefined : parsed(by[2] as string);
    const more = found === undefined ? {} : { found };
    if (by !== null && typeof value === 'string')
      return { kind: 'look-up', by: by[1] as string, value: value.slice(0, 200), ...more };
    return {
      kind: 'list',
      ...(typeof filter === 'string' ? { filter: filter.slice(0, 1000) } : {}),
      ...more,
    };
  };
  if (route.endsWith('/.search')) return listed(isObject(sent) ? sent.filter : undefined);
  if (type === undefined && route !== '/') return { kind: 'other' };
  switch (method) {
    case 'GET':
    case 'HEAD':
      return route.endsWith('/:id') ? { kind: 'get' } : listed(query?.parameters.get('filter'));
    case 'POST': {
      const externalId = isObject(sent) ? sent.externalId : createdExternalId;
      return {
        kind: 'create',
        ...(typeof externalId === 'string' ? { externalId: externalId.slice(0, 200) } : {}),
      };
    }
    case 'DELETE':
      return { kind: 'delete' };
    case 'PUT': {
      const active = isObject(sent) ? booleanOf(sent.active) : undefined;
      return { kind: 'replace', ...(active === undefined ? {} : { active }) };
    }
    case 'PATCH':
      return patchOf(sent);
    default:
      return { kind: 'other' };
  }
}

/** `userName eq "jane@example.com"`, with or without the schema's URN before the name. */
const lookUp = /^\s*(?:urn:[\w:.]+:)?([A-Za-z][\w$-]*(?:\.[A-Za-z][\w$-]*)?)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/i;

function booleanOf(value: unknown): boolean | undefined {
  const text = typeof value === 'string' ? value.toLowerCase() : value;
  return text === true || text === 'true' ? true : text === false || text === 'false' ? false : undefined;
}

const mostPaths = 6;
const mostMembers = 3;

type Update = Extract<Asked, { readonly kind: 'update' }>;

function patchOf(sent: unknown): Asked {
  const operations = isObject(sent) ? (sent.Operations ?? sent.operations) : undefined;
  const paths: string[] = [];
  const added: string[] = [];
  const removed: string[] = [];
  let active: boolean | undefined;
  const change = (path: string): void => {
    if (paths.length < mostPaths && !paths.includes(path)) paths.push(path);
  };
  for (const operation of Array.isArray(operations) ? operations : []) {
    if (!isObject(operation)) continue;
    const { op, path, value } = operation;
    const isRemoval = typeof op === 'string' && op.toLowerCase() === 'remove';
    const members = isRemoval ? removed : added;
    if (typeof path === 'string') {
      if (/^members\b/i.test(path)) {
        const member = /^members\s*\[\s*value\s+eq\s+"([^"]*)"\s*\]$/i.exec(path)?.[1];
        if (member !== undefined) members.push(member);
        else pushValues(members, value);
        if (isRemoval && member === undefined && value === undefined) change('members');
        if (!isRemoval && op !== undefined && String(op).toLowerCase() === 'replace') change('members');
      } else change(path.slice(0, 80));
      if (path.toLowerCase() === 'active') active = booleanOf(isObject(value) ? value.value : value);
    } else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) {
        const name = key.toLowerCase();
        if (name === 'members') pushValues(members, inner);
        else if (name !== 'id' && name !== 'schemas') change(key.slice(0, 80));
        if (name === 'active') active = booleanOf(inner);
      }
    }
  }
  const asked: { -readonly [Name in keyof Update]: Update[Name] } = { kind: 'update', paths };
  if (active !== undefined) asked.active = active;
  if (added.length > 0) {
    asked.added = added.slice(0, mostMembers);
    asked.addedCount = added.length;
  }
  if (removed.length > 0) {
    asked.removed = removed.slice(0, mostMembers);
    asked.removedCount = removed.length;
  }
  return asked;
}

function pushValues(ids: string[], members: unknown): void {
  for (const each of Array.isArray(members) ? members : [members])
    if (isObject(each) && typeof each.value === 'string') ids.push(each.value);
}

/** A body as it is kept. One that may have a secret in it, and cannot be read, is not kept at all. */
function bodyOf(
  text: string,
  json: unknown,
  isWhole: boolean,
  most: number,
  options: EntryOptions,
): { readonly text: string; readonly isCut: boolean } | undefined {
  if (text === '') return undefined;
  let shown = text;
  if (options.maskedPattern.test(text)) {
    const value = isWhole ? (json ?? parsed(text)) : undefined;
    if (value === undefined)
      return { text: '[hidden: it names a secret, and is no whole JSON]', isCut: false };
    shown = JSON.stringify(withoutSecrets(value, options.masked, 0));
  }
  return { text: safe(shown.slice(0, most)), isCut: !isWhole || shown.length > most };
}

/** Also of a PATCH operation whose path names a masked attribute. */
function withoutSecrets(value: unknown, masked: readonly string[], depth: number): unknown {
  if (depth > 32) return '[deep]';
  if (typeof value === 'string') return masked.some((name) => isMaskedFilter(value, name)) ? hidden : value;
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, masked, depth + 1));
  if (!isObject(value)) return value;
  const path = typeof value.path === 'string' ? value.path.toLowerCase() : '';
  const isMasked = (name: string): boolean => {
    const lower = name.toLowerCase();
    return masked.some(
      (each) =>
        lower === each ||
        lower.endsWith(`:${each}`) ||
        lower.startsWith(`${each}.`) ||
        lower.startsWith(`${each}[`),
    );
  };
  const hidesValue = path !== '' && masked.some((name) => path.includes(name));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      inner != null && (isMasked(name) || (hidesValue && name.toLowerCase() === 'value'))
        ? hidden
        : withoutSecrets(inner, masked, depth + 1),
    ]),
  );
}

function isMaskedFilter(text: string, name: string): boolean {
  const lower = text.toLowerCase();
  return lower.includes(`${name} `) && /"/.test(lower) && lower.length > name.length + 4;
}
