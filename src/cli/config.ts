/** scimd config check, print, schema. */
import { type DefinitionName, definitionNames } from '../ops/config-file.ts';
import { ConfigurationError } from '../ops/configuration-error.ts';
import { optionNames, optionOf } from '../ops/options.ts';
import schema from '../ops/scim.config.schema.json' with { type: 'json' };
import { columns } from '../ops/terminal.ts';
import { withoutPassword } from '../store/open.ts';
import type { Invocation } from './command.ts';
import { databaseProblems, startProblems } from './start-check.ts';

export async function checkConfiguration({ settings, json, terminal }: Invocation): Promise<number> {
  const inForce = settings();
  const problems = [...(await startProblems(inForce)), ...databaseProblems(inForce)];
  if (problems.length > 0) throw new ConfigurationError(problems);
  const { file, warnings } = inForce;
  if (json) terminal.print(JSON.stringify({ valid: true, file, warnings }));
  else {
    terminal.print(
      file === undefined ? 'no scim.config.json here; flags and environment are valid' : `${file} is valid`,
    );
    for (const warning of warnings) terminal.note(`scimd: ${warning}`);
  }
  return 0;
}

const isByName = (name: DefinitionName): boolean => name === 'roles' || name === 'entitlements';

export function printConfiguration({ settings, json, terminal }: Invocation): number {
  const { values, origins, definitions, file } = settings();
  const ofOptions = optionNames.map((name) => {
    const value = values.get(name);
    const shown =
      optionOf(name).secret && value !== undefined
        ? '[hidden]'
        : name === 'database'
          ? withoutPassword(String(value))
          : value;
    return { name, value: shown, text: shown, origin: origins.get(name) };
  });
  const ofDefinitions = definitionNames.map((name) => ({
    name,
    value: definitions[name] ?? (isByName(name) ? {} : []),
    // A line shows their names; --json shows all.
    text: isByName(name)
      ? Object.keys(definitions[name] ?? {})
      : ((definitions[name] ?? []) as { id?: string; name?: string }[]).map((each) => each.id ?? each.name),
    origin: origins.get(name),
  }));
  const rows = [...ofOptions, ...ofDefinitions];
  if (json)
    terminal.print(
      JSON.stringify({
        file,
        settings: Object.fromEntries(rows.map(({ name, value, origin }) => [name, { value, origin }])),
      }),
    );
  else
    terminal.print(
      columns(
        rows.map(({ name, text, origin }) => [
          name,
          text === undefined ? '-' : JSON.stringify(text),
          origin ?? '',
        ]),
      ),
    );
  return 0;
}

export function printSchema({ terminal }: Invocation): number {
  terminal.print(JSON.stringify(schema, null, 2));
  return 0;
}
