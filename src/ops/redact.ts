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

/** Keys of RFC 7643's User and of what clients ask for, whose values tell who somebody is. */
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
/** The values of a query's parameters that may hold personal data. */
const queryValues = /(?<=[?&](?:filter|attributes|sortBy)=)[^&#\s]*/gi;

export type Redact = (value: unknown) => unknown;

export function redaction(options: { readonly personalData: boolean }): Redact {
  const { personalData } = options;

  function text(value: string): string {
    const safe = value
      .replace(webToken, (all, rest?: string) => (rest === undefined ? all : hidden))
      .replace(secretText, (_, scheme?: string) => (scheme ? `${scheme} ${hidden}` : hidden));
    if (personalData) return safe;
    return safe.replace(queryValues, hidden).replace(mailAddress, hidden);
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
      copy[key] = hide ? hidden : redact(inner, depth + 1);
    }
    return copy;
  }

  return (value) => redact(value, 0);
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
