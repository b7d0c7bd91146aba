/** Takes secrets, and unless asked otherwise personal data, out of what is logged, at any depth. */

const hidden = '[hidden]';

/** Keys in lower case whose values never reach a log. */
const secretKeys = new Set([
  'authorization',
  'bootstraptoken',
  'cookie',
  'credential',
  'credentials',
  'password',
  'secret',
  'set-cookie',
  'token',
]);

/** Keys of RFC 7643's User and of what clients ask for, whose values identify a person. */
const personalKeys = new Set([
  'addresses',
  'displayname',
  'emails',
  'entitlements',
  'externalid',
  'filter',
  'ims',
  'familyname',
  'formatted',
  'givenname',
  'middlename',
  'nickname',
  'phonenumbers',
  'photos',
  'profileurl',
  'username',
  'x509certificates',
]);

// What is logged may be long and chosen by anybody: no pattern looks at a character more than a few times.
/** A JWT, or what begins like one, all of it at once. */
const webToken = /\beyJ[\w-]+(?<rest>\.[\w-]+\.[\w-]*)?/gi;
const secretText = /\bscimd_[A-Za-z0-9_-]{43,}|\b(?<scheme>Bearer|Basic)\s+[A-Za-z0-9._~+/-]+=*/gi;
const mailAddress = /(?<![^\s@"'<>(),;:=])[^\s@"'<>(),;:=]+@[^\s@"'<>(),;:=]+\.[^\s@"'<>(),;:=]+/g;
/** A query's parameters, as they are sent. */
const parameter = /(?<=[?&])(?<name>[^=&#\s]*)=(?<value>[^&#\s]*)/g;
/** In lower case: parameters whose values are secret, and those that can contain personal data. */
const secretParameters = new Set(['access_token', 'client_secret', 'password', 'token']);
const personalParameters = new Set(['filter', 'attributes', 'sortby']);
/** Quoted text, to its end or to the end of all. */
const quoted = /"(?:[^"\\]|\\.)*"?/g;
/** What may be percent-encoded, with all that it is a part of. */
const word = /[^\s"]+/g;
/** How many layers of encoding are decoded; nobody has a good reason for more. */
const mostDecodings = 4;

export type Redact = (value: unknown) => unknown;

export function redaction(options: { readonly personalData: boolean }): Redact {
  const { personalData } = options;

  function text(value: string): string {
    const shown = value.replace(parameter, (all, name: string) => {
      const plain = decoded(name).toLowerCase();
      const hide = secretParameters.has(plain) || (!personalData && personalParameters.has(plain));
      return hide ? `${name}=${hidden}` : all;
    });
    // What hides nothing stays as it was written.
    if (!shown.includes('%')) return plainText(shown);
    const revealed = shown.replace(word, (part) => {
      const plain = part.includes('%') ? decoded(part) : part;
      if (plain === part) return part;
      const safe = plainText(plain);
      return safe === plain ? part : safe;
    });
    return plainText(revealed);
  }

  function plainText(value: string): string {
    const safe = value
      .replace(webToken, (all, rest?: string) => (rest === undefined ? all : hidden))
      .replace(secretText, (_, scheme?: string) => (scheme ? `${scheme} ${hidden}` : hidden));
    if (personalData) return safe;
    return safe.replace(mailAddress, hidden);
  }

  function detail(value: string): string {
    const shown = text(value);
    return personalData ? shown : withoutSource(shown);
  }

  function redact(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    // Logged objects are shallow; a bound also ends cycles.
    if (depth > 8) return '[deep]';
    if (value instanceof Error) return redact(describe(value), depth);
    if (value instanceof Date || value instanceof Uint8Array)
      return value instanceof Date ? value : '[bytes]';
    if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
    const copy: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) {
      const lower = key.toLowerCase();
      const hide = inner != null && (secretKeys.has(lower) || (!personalData && personalKeys.has(lower)));
      copy[key] = hide
        ? hidden
        : lower === 'detail' && typeof inner === 'string'
          ? detail(inner)
          : redact(inner, depth + 1);
    }
    return copy;
  }

  return (value) => redact(value, 0);
}

/** The detail of an error without what somebody sent: what it quotes, and the filter that it shows below its first line. */
export function withoutSource(detail: string): string {
  const [first = ''] = detail.split('\n', 1);
  return first.replace(quoted, `"${hidden}"`);
}

/** Without percent-encoding, as far as it can be read. */
function decoded(text: string): string {
  let plain = text;
  for (let i = 0; i < mostDecodings && plain.includes('%'); i++) {
    const next = plain.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
      Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
    );
    if (next === plain) break;
    plain = next;
  }
  return plain;
}

function describe(error: Error): object {
  const { code, advice } = error as { code?: unknown; advice?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    // What the operator can do.
    ...(advice === undefined ? {} : { advice }),
    stack: stackOf(error),
  };
}

/** With the stacks of its causes, which often say more than the error itself. */
function stackOf(error: Error, depth = 0): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  if (!(error.cause instanceof Error) || depth > 4) return own;
  return `${own}\ncaused by: ${stackOf(error.cause, depth + 1)}`;
}
