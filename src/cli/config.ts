/** scimd config check, print, schema. */
import { optionNames, optionOf } from '../ops/options.ts';
import schema from '../ops/scim.config.schema.json' with { type: 'json' };
import type { Invocation } from './command.ts';
import { columns } from './terminal.ts';

export function checkConfiguration({ settings, json, terminal }: Invocation): number {
  const { file, warnings } = settings();
  if (json) terminal.print(JSON.stringify({ valid: true, file, warnings }));
  else {
    terminal.print(
      file === undefined ? 'no scim.config.json here; flags and environment are valid' : `${file} is valid`,
    );
    for (const warning of warnings) terminal.note(`scimd: ${warning}`);
  }
  return 0;
}

export function printConfiguration({ settings, json, terminal }: Invocation): number {
  const { values, origins, file } = settings();
  const rows = optionNames.map((name) => {
    const value = values.get(name);
    return {
      name,
      value: optionOf(name).secret && value !== undefined ? '[hidden]' : value,
      origin: origins.get(name),
    };
  });
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
        rows.map(({ name, value, origin }) => [
          name,
          value === undefined ? '-' : JSON.stringify(value),
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
