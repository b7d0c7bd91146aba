/** What the declarations of settings are made of: see options.ts. */
import { isIP } from 'node:net';
import * as v from 'valibot';

/** A valibot schema of one setting. Each of its messages is the whole rule, as in "port must be …". */
type Type =
  | v.GenericSchema<string>
  | v.GenericSchema<number>
  | v.GenericSchema<boolean>
  | v.GenericSchema<string[]>;

export interface Option<T extends Type = Type, D = unknown> {
  readonly type: T;
  /** `undefined`: not set by default. */
  readonly default: D;
  readonly help: string;
  /** Further explanation, for the documentation and the JSON Schema. */
  readonly detail?: string;
  /** Stands for the value in help: `--port PORT`. */
  readonly placeholder?: string;
  /** Never shown; `SCIMD_…_FILE` and `--…-file` name a file to read it from, and no flag takes it itself. */
  readonly secret?: true;
  /** May have something secret in it: `SCIMD_…_FILE` names a file to read it from, too. */
  readonly mayBeInFile?: true;
  /** Reloaded on SIGHUP; the others need a restart. */
  readonly reloadable?: true;
  /** Shown by `scimd serve --help`; the others by `scimd help settings`. */
  readonly common?: true;
}

export function option<const T extends Type, D extends v.InferOutput<T> | undefined>(
  type: T,
  defaultValue: D,
  help: string,
  more: Omit<Option, 'type' | 'default' | 'help'> = {},
): Option<T, D> {
  return { type, default: defaultValue, help, ...more };
}

export const text = (pattern: RegExp, rule: string) => v.pipe(v.string(rule), v.regex(pattern, rule));

export function integer(from: number, to: number) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(from, rule), v.maxValue(to, rule));
}

export function oneOf<const T extends readonly string[]>(...words: T) {
  return v.picklist(words, `must be one of ${words.join(', ')}`);
}

export const fileName = () => v.pipe(v.string('must be a file name'), v.nonEmpty('must be a file name'));

export const words = (rule: string) => v.array(text(/^[^\s,]+$/, rule), rule);

export const claim = () => text(/^\S+$/, 'must be a name without blanks');

export const jwtAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const;
export const jwtAlgorithmRule = `must be some of ${jwtAlgorithms.join(', ')}`;

export const flag = () => v.boolean('must be true or false');

export const attributeRule = 'must be attributes such as emails.value, with or without their schema URN';
export const attributeNotation = /^[A-Za-z][A-Za-z0-9.:$_-]*$/;

/** A limit that SIGHUP reloads. */
export function limit<const T extends Type, D extends v.InferOutput<T>>(
  type: T,
  defaultValue: D,
  help: string,
  more: Omit<Option, 'type' | 'default' | 'help'> = {},
): Option<T, D> {
  return option(type, defaultValue, help, { ...more, reloadable: true });
}

export const proxyRule = 'must be IP addresses or CIDR ranges, such as 10.0.0.0/8';

export function isAddressRange(range: string): boolean {
  const [address = '', prefix, ...rest] = range.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}
