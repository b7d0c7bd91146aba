/** Settings from flags over environment over file over defaults, every value checked, all problems at once. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { suggestion } from '../nearest.ts';
import {
  type ConfigFile,
  configFileName,
  type DefinitionName,
  type Definitions,
  definitionNames,
  readConfigFile,
} from './config-file.ts';
import { ConfigurationError } from './configuration-error.ts';
import { checkTogether } from './cross-field-rules.ts';
import { fileReason } from './file-error.ts';
import {
  environmentName,
  fileVariableName,
  flagName,
  kindOf,
  type OptionName,
  optionNames,
  optionOf,
  type Settings,
} from './options.ts';

/** Schemas and resource types of the file's own, and the settings that name their attributes. */
export interface RegistryDefinitions extends Definitions {
  readonly containsIndex?: readonly string[];
  readonly profile?: 'ipsie' | undefined;
}

export interface SettingsSources {
  /** The values given for each flag, in order. A secret's flag names a file. */
  readonly flags: ReadonlyMap<OptionName, readonly string[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folder in which scim.config.json is looked for. */
  readonly folder: string;
  /** Value of `--config`. */
  readonly file?: string;
  /** Says what is wrong with the definitions, by those who know their form. */
  readonly checkDefinitions: (definitions: RegistryDefinitions) => DefinitionsChecked;
}

export interface DefinitionsChecked {
  readonly problems: readonly {
    readonly path: readonly (string | number)[];
    readonly reason: string;
  }[];
  readonly warnings: readonly string[];
}

export interface SettingsInForce {
  readonly settings: Settings;
  /** Where each value comes from: `flag --port`, `SCIMD_PORT`, `scim.config.json:3:5` or `default`. */
  readonly origins: ReadonlyMap<OptionName | DefinitionName, string>;
  readonly values: ReadonlyMap<OptionName, unknown>;
  /** What the registry is made of, checked. */
  readonly definitions: RegistryDefinitions;
  /** The file that was read. */
  readonly file: string | undefined;
  /** Nothing wrong, but probably not meant. */
  readonly warnings: readonly string[];
}

interface Given {
  readonly value: unknown;
  readonly place: string;
}

/** Throws a ConfigurationError. */
export function readSettings(sources: SettingsSources): SettingsInForce {
  const problems: string[] = [];
  const path = configPath(sources);
  const file = path === undefined ? undefined : open(path, problems);
  const values = new Map<OptionName, unknown>();
  const origins = new Map<OptionName | DefinitionName, string>();

  for (const name of optionNames) {
    const given = find(name, sources, file, problems);
    origins.set(name, given?.place ?? 'default');
    values.set(name, given?.value ?? optionOf(name).default);
    if (given !== undefined) problems.push(...check(name, given, file));
  }
  const definitions: RegistryDefinitions = {
    ...file?.definitions,
    // Anything but a list of names was reported above.
    ...(problems.length > 0
      ? {}
      : {
          containsIndex: values.get('containsIndex') as readonly string[],
          profile: values.get('profile') as 'ipsie' | undefined,
        }),
  };
  for (const name of definitionNames) {
    origins.set(name, name in definitions ? (file as ConfigFile).place([name]) : 'default');
  }
  const checked = sources.checkDefinitions(definitions);
  for (const { path, reason } of checked.problems) {
    const origin = origins.get(path[0] as DefinitionName);
    const place = origin === file?.place([path[0] as string]) ? file?.place(path) : origin;
    problems.push(`${place}: ${path.join('.')} ${reason}`);
  }
  if (problems.length === 0) problems.push(...checkTogether(values, origins));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    settings: nest(values),
    values,
    origins,
    definitions,
    file: path,
    warnings: [...unknownVariables(sources.environment), ...checked.warnings],
  };
}

function configPath({ file, environment, folder }: SettingsSources): string | undefined {
  const named = file ?? (environment.SCIMD_CONFIG || undefined);
  if (named !== undefined) return named;
  return existsSync(join(folder, configFileName)) ? configFileName : undefined;
}

function open(path: string, problems: string[]): ConfigFile | undefined {
  try {
    const file = readConfigFile(path);
    problems.push(...file.problems);
    return file;
  } catch (error) {
    problems.push(`${path}: cannot be read: ${fileReason(error)}`);
    return undefined;
  }
}

function find(
  name: OptionName,
  { flags, environment }: SettingsSources,
  file: ConfigFile | undefined,
  problems: string[],
): Given | undefined {
  const { secret } = optionOf(name);
  const texts = flags.get(name);
  if (texts !== undefined) {
    const place = `flag --${flagName(name)}`;
    return secret ? fromFile(texts.at(-1) ?? '', place, problems) : { value: parse(name, texts), place };
  }
  // An empty variable counts as unset: that is how compose files and service managers leave one out.
  const variable = environmentName(name);
  const direct = environment[variable] || undefined;
  const fileVariable = fileVariableName(name);
  const indirect = (fileVariable && environment[fileVariable]) || undefined;
  if (direct !== undefined && indirect !== undefined)
    problems.push(`${variable} and ${fileVariable} are both set`);
  if (direct !== undefined) return { value: parse(name, [direct]), place: variable };
  if (fileVariable !== undefined && indirect !== undefined) return fromFile(indirect, fileVariable, problems);
  if (file?.values.has(name)) return { value: file.values.get(name), place: file.place(name.split('.')) };
  return undefined;
}

function fromFile(path: string, place: string, problems: string[]): Given | undefined {
  try {
    return { value: readFileSync(path, 'utf8').trim(), place };
  } catch (error) {
    problems.push(`${place}: cannot read ${path}: ${fileReason(error)}`);
    return undefined;
  }
}

/** Text that is not of the option's kind stays text, for the check to refuse. */
function parse(name: OptionName, texts: readonly string[]): unknown {
  const last = texts.at(-1) ?? '';
  switch (kindOf(name)) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(last) ? Number(last) : last;
    case 'boolean':
      return /^(true|1)$/i.test(last) ? true : /^(false|0)$/i.test(last) ? false : last;
    case 'array':
      return texts
        .flatMap((text) => text.split(','))
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'string':
      return last;
  }
}

function check(name: OptionName, { value, place }: Given, file: ConfigFile | undefined): string[] {
  const { type, secret } = optionOf(name);
  const result = v.safeParse(type, value);
  if (result.success) return [];
  const [issue] = result.issues;
  const inside = issue.path?.map((item) => item.key as string | number) ?? [];
  const keys = name.split('.');
  const where = file !== undefined && place === file.place(keys) ? file.place([...keys, ...inside]) : place;
  return [
    `${where}: ${name} ${issue.message}${secret ? '' : `, not ${shown(issue.input)}`}${hint(place, value)}`,
  ];
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Kubernetes sets SCIMD_PORT=tcp://… in every container beside a service named scimd. */
function hint(place: string, value: unknown): string {
  const linked = place === 'SCIMD_PORT' && typeof value === 'string' && /^(tcp|udp):/.test(value);
  return linked ? ' (set by Kubernetes for a service named scimd: use enableServiceLinks: false)' : '';
}

function nest(values: ReadonlyMap<OptionName, unknown>): Settings {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of values) {
    const [group, member] = name.split('.') as [string, string?];
    if (member === undefined) settings[group] = value;
    else settings[group] = { ...(settings[group] as object | undefined), [member]: value };
  }
  return settings as unknown as Settings;
}

function unknownVariables(environment: SettingsSources['environment']): string[] {
  const known = ['SCIMD_CONFIG'];
  for (const name of optionNames) {
    known.push(environmentName(name), ...[fileVariableName(name) ?? []].flat());
  }
  return Object.keys(environment)
    .filter((variable) => variable.startsWith('SCIMD_') && !known.includes(variable))
    .filter((variable) => !/^SCIMD_(SERVICE_|PORT_)/.test(variable)) // Kubernetes' service links
    .map((variable) => `unknown environment variable ${variable}${suggestion(variable, known)}`);
}
