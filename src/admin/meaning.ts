/** What an exchange means, in words: who asked for what, what came of it, and why. */
import type { LoggedExchange } from '../store/exchanges.ts';

export type Tone = 'done' | 'refused' | 'failed';

export interface Meaning {
  /** One sentence. */
  readonly text: string;
  readonly tone: Tone;
  /** The kind of what was refused, the same for all that are refused for one reason; undefined for what was done. */
  readonly group?: string;
}

/** What is known of the world, beside the exchange itself. */
export interface Known {
  /** The name of a resource by its id. */
  nameOf(id: string): string | undefined;
  /** Why a name is taken: by whom, and what became of them. */
  readonly holder?: string | undefined;
  /** When the token of the exchange ended, as a day: `3 May`. */
  readonly ended?: string | undefined;
}

const providers: Readonly<Record<string, string>> = {
  okta: 'Okta',
  entra: 'Entra ID',
  onelogin: 'OneLogin',
  jumpcloud: 'JumpCloud',
  google: 'Google',
  ping: 'Ping',
};

/** The provider's name, else the token's. */
export function providerName(idp: string | undefined, tokenName: string | undefined): string {
  return (idp === undefined ? undefined : providers[idp]) ?? tokenName ?? 'A client';
}

/** The words of RFC 7644 §3.12, and where the rule stands. */
const rules: Readonly<Record<string, { readonly rule: string; readonly section: string }>> = {
  invalidFilter: {
    rule: 'The filter does not follow the grammar, or compares what cannot be compared.',
    section: 'RFC 7644 §3.4.2.2',
  },
  tooMany: { rule: 'The request asks for more than this server does at once.', section: 'RFC 7644 §3.12' },
  uniqueness: { rule: 'A value that must be unique is somebody else’s already.', section: 'RFC 7643 §2.2' },
  mutability: { rule: 'The attribute may not be changed in this way.', section: 'RFC 7643 §2.2' },
  invalidSyntax: { rule: 'The body is not of the form that the message has.', section: 'RFC 7644 §3.12' },
  invalidPath: {
    rule: 'The path of a PATCH operation cannot be read, or names no attribute.',
    section: 'RFC 7644 §3.5.2',
  },
  noTarget: { rule: 'The path of a PATCH operation selects nothing.', section: 'RFC 7644 §3.5.2' },
  invalidValue: { rule: 'A value is missing, or not of the attribute’s type.', section: 'RFC 7643 §2.3' },
  invalidVers: { rule: 'The version of the protocol is not served.', section: 'RFC 7644 §3.13' },
  sensitive: {
    rule: 'The filter names an attribute that may not stand in a URL.',
    section: 'RFC 7644 §7.5.2',
  },
  invalidCursor: { rule: 'The cursor is none of this query.', section: 'RFC 9865 §2.1' },
  expiredCursor: { rule: 'The cursor is too old.', section: 'RFC 9865 §2.1' },
  invalidCount: { rule: 'The page size changed within a walk by cursor.', section: 'RFC 9865 §2.1' },
};

const statuses: Readonly<Record<number, { readonly rule: string; readonly section: string }>> = {
  401: { rule: 'A request needs a token that is known and has not ended.', section: 'RFC 6750 §3' },
  403: { rule: 'The token may not do this.', section: 'RFC 6750 §3.1' },
  404: { rule: 'There is nothing at this address.', section: 'RFC 7644 §3.12' },
  405: { rule: 'The method is not supported at this address.', section: 'RFC 9110 §15.5.6' },
  409: { rule: 'It contradicts what is stored.', section: 'RFC 7644 §3.12' },
  412: { rule: 'The resource was changed since the client read it.', section: 'RFC 7644 §3.14' },
  413: { rule: 'The body is larger than this server takes.', section: 'RFC 7644 §3.7.4' },
  415: { rule: 'The body is of a media type that is not read.', section: 'RFC 7644 §3.8' },
  429: { rule: 'More requests came than are allowed, or a guard holds them.', section: 'RFC 6585 §4' },
  503: {
    rule: 'The server could not do it at the moment; the client is to try again.',
    section: 'RFC 9110 §15.6.4',
  },
  507: { rule: 'The disk is full.', section: 'RFC 4918 §11.5' },
};

/** The rule that was not kept, and where it stands. */
export function ruleOf({
  status,
  scimType,
}: LoggedExchange): { readonly rule: string; readonly section: string } | undefined {
  return (scimType === undefined ? undefined : rules[scimType]) ?? statuses[status];
}

export function meaningOf(exchange: LoggedExchange, known: Known): Meaning {
  const { status, refused, tokenName, idp, token } = exchange;
  if (status === 401) return unauthenticated(exchange, known);
  const who = token === undefined && refused === undefined ? 'Somebody' : providerName(idp, tokenName);
  const deed = deedOf(exchange, known);
  if (status < 400) return { text: `${who} ${deed.did}.`, tone: 'done' };
  const tone = status >= 500 ? 'failed' : 'refused';
  return {
    text: `${who} tried to ${deed.do}: ${reasonOf(exchange, known)}`,
    tone,
    group: `${who} · ${deed.kind}: ${groupReason(exchange)}`,
  };
}

function unauthenticated({ refused, tokenName, agent }: LoggedExchange, { ended }: Known): Meaning {
  const tone = 'refused';
  if (refused !== undefined) {
    const when = ended === undefined ? '' : ` on ${ended}`;
    const what = refused === 'expired' ? 'ended' : 'was revoked';
    return {
      text: `A token that ${what}${when} (${tokenName}) was used.`,
      tone,
      group: `A token that ${what} was used: ${tokenName}`,
    };
  }
  const from = agent === undefined ? '' : ` It came from ${agent.slice(0, 60)}.`;
  return {
    text: `A request came with no token, or one that this server does not know.${from}`,
    tone,
    group: 'No token, or one that this server does not know',
  };
}

interface Deed {
  /** `created jane@example.com` */
  readonly did: string;
  /** `create jane@example.com` */
  readonly do: string;
  /** `create a user` */
  readonly kind: string;
}

const nouns: Readonly<Record<string, readonly [one: string, many: string]>> = {
  User: ['user', 'users'],
  Group: ['group', 'groups'],
};

function deedOf(exchange: LoggedExchange, known: Known): Deed {
  const { asked, type, method, path, status } = exchange;
  const [one, many] = nouns[type ?? ''] ?? [
    type ?? 'resource',
    type === undefined ? 'resources' : `${type} resources`,
  ];
  const a = /^[aeio]/i.test(one) ? 'an' : 'a';
  const name = nameIn(exchange, known) ?? `${a} ${one}`;
  const deed = (does: string, did: string, what: string, kind = `${does} ${a} ${one}`): Deed => ({
    do: `${does} ${what}`,
    did: `${did} ${what}`,
    kind,
  });
  switch (asked.kind) {
    case 'look-up': {
      const found =
        asked.found === undefined
          ? ''
          : asked.found === 0
            ? ': nobody there has it'
            : asked.found === 1
              ? ': found'
              : `: ${asked.found} found`;
      const what = asked.value === '' ? `a ${asked.by}` : quoted(asked.value);
      return {
        do: `look up ${what} by ${asked.by}`,
        did: `looked up ${what} by ${asked.by}${type === 'Group' && asked.found === 0 ? ': no group has it' : found}`,
        kind: `look up ${many}`,
      };
    }
    case 'list': {
      const by = asked.filter === undefined ? '' : ' by a filter';
      const found =
        asked.found === undefined ? '' : `: ${asked.found} ${asked.found === 1 ? 'is' : 'are'} there`;
      return { do: `list ${many}${by}`, did: `listed ${many}${by}${found}`, kind: `list ${many}` };
    }
    case 'reads':
      return {
        do: `read ${many} ${asked.count} times`,
        did: `read ${many} ${asked.count} more times in the same moment`,
        kind: `read ${many}`,
      };
    case 'get':
      return deed('read', 'read', name);
    case 'create':
      return deed('create', 'created', name);
    case 'delete':
      return deed('delete', 'deleted', name);
    case 'replace':
      if (asked.active === false) return deed('replace and deactivate', 'replaced, inactive,', name);
      return deed('replace', 'replaced', name);
    case 'update':
      return updated(exchange, known, name, `change ${a} ${one}`);
    case 'bulk':
      return {
        do: `do ${asked.operations} operations at once`,
        did: `did ${asked.operations} operations at once`,
        kind: 'bulk',
      };
    case 'discovery':
      return {
        do: 'read what this server supports',
        did: 'read what this server supports',
        kind: 'discovery',
      };
    case 'token':
      return { do: 'get an access token', did: 'got an access token', kind: 'get an access token' };
    case 'events':
      return { do: 'read the feed of events', did: 'read the feed of events', kind: 'read the feed' };
    case 'other':
      return {
        do: `${method} ${shortened(path)}`,
        did: status < 400 ? `did ${method} ${shortened(path)}` : `${method} ${shortened(path)}`,
        kind: `${method} of an address`,
      };
  }
}

function updated({ asked }: LoggedExchange, known: Known, name: string, kind: string): Deed {
  if (asked.kind !== 'update') return { do: 'change', did: 'changed', kind };
  const names = (ids: readonly string[], count: number): string => {
    const shown = ids.map((id) => known.nameOf(id)).filter((each) => each !== undefined);
    if (shown.length === 0) return count === 1 ? 'a member' : `${count} members`;
    return count > shown.length ? `${shown.join(', ')} and ${count - shown.length} more` : listed(shown);
  };
  const does: string[] = [];
  const did: string[] = [];
  if (asked.addedCount !== undefined) {
    const who = names(asked.added ?? [], asked.addedCount);
    const verb = asked.paths.includes('members') ? ['set', 'set'] : ['add', 'added'];
    does.push(
      asked.paths.includes('members') ? `make ${who} the members of ${name}` : `${verb[0]} ${who} to ${name}`,
    );
    did.push(
      asked.paths.includes('members') ? `made ${who} the members of ${name}` : `${verb[1]} ${who} to ${name}`,
    );
  }
  if (asked.removedCount !== undefined) {
    const who = names(asked.removed ?? [], asked.removedCount);
    does.push(`remove ${who} from ${name}`);
    did.push(`removed ${who} from ${name}`);
  }
  const others = asked.paths.filter((path) => path !== 'members' && path.toLowerCase() !== 'active');
  if (asked.active !== undefined) {
    does.push(`${asked.active ? 'activate' : 'deactivate'} ${name}`);
    did.push(`${asked.active ? 'activated' : 'deactivated'} ${name}`);
  }
  if (others.length > 0) {
    const what = listed(others.map((path) => shortened(path.replace(/^urn:[^ ]*:(?=[^:]+$)/, ''))));
    const whose = does.length > 0 ? 'theirs' : name;
    does.push(`change ${what} of ${whose}`);
    did.push(`changed ${what} of ${whose}`);
  }
  if (asked.paths.includes('members') && asked.addedCount === undefined) {
    does.push(`take all members from ${name}`);
    did.push(`took all members from ${name}`);
  }
  if (does.length === 0) return { do: `change ${name}`, did: `changed ${name}`, kind };
  return { do: listed(does), did: listed(did), kind };
}

/** What the resource of an exchange is called. */
function nameIn({ name, subject }: LoggedExchange, known: Known): string | undefined {
  return name ?? (subject === undefined ? undefined : known.nameOf(subject));
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function quoted(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function reasonOf({ status, scimType, detail, asked }: LoggedExchange, { holder }: Known): string {
  if (scimType === 'uniqueness') {
    if (holder !== undefined) return `refused, ${holder}.`;
    return `refused, ${asked.kind === 'create' ? 'somebody has that name already' : 'another one has that value already'}.`;
  }
  if (status === 404 && asked.kind !== 'other') return 'there is none with this id.';
  if (status === 412) return 'refused, somebody changed it in between.';
  if (status === 403) return `refused, ${sentence(detail ?? 'the token may not do this')}`;
  if (status === 429) return `refused for now, ${sentence(detail ?? 'too many requests came')}`;
  if (status >= 500) return `it failed here. ${detail === undefined ? '' : sentence(detail, false)}`.trim();
  return detail === undefined ? `refused with ${status}.` : `refused. ${sentence(detail, false)}`;
}

/** With a full stop, and within a sentence a small letter. */
function sentence(text: string, within = true): string {
  const first = text.split('\n')[0] as string;
  const begun =
    within && /^[A-Z][a-z]*(?=[ ,:;])/.test(first) ? first[0]?.toLowerCase() + first.slice(1) : first;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** The reason without what differs from one exchange to the next. */
function groupReason({ status, scimType, detail }: LoggedExchange): string {
  if (scimType === 'uniqueness') return 'the name is taken';
  if (status === 404) return 'it is not there';
  if (detail === undefined) return String(status);
  const alike = (detail.split('\n')[0] as string)
    .replace(/"(?:[^"\\]|\\.)*"?/g, '“…”')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '…')
    .replace(/\[\d+\]/g, '[…]');
  return alike.length <= 160
    ? sentence(alike)
    : `${sentence(alike.slice(0, 160)).replace(/\W*\w*\.?$/, '')}…`;
}
