/** scimd licenses. */
import manifest from '../../package.json' with { type: 'json' };
import { exitStatus, type Invocation } from './command.ts';
import { type ThirdParty, thirdParty } from './third-party.ts';

export function printLicenses({ json, terminal }: Invocation): number {
  const all = thirdParty();
  if (json) {
    terminal.print(JSON.stringify(all));
    return exitStatus.done;
  }
  terminal.print(licenseText(all));
  return exitStatus.done;
}

export function licenseText(all: readonly ThirdParty[]): string {
  const own = `scimd ${manifest.version} is under the ${manifest.license} license. It contains work of others:`;
  return [own, ...grouped(all)].join('\n\n');
}

/** Many have the same text, which is then printed once. */
function grouped(all: readonly ThirdParty[]): readonly string[] {
  const groups = Map.groupBy(all, ({ text }) => text);
  return [...groups].map(([text, of]) => {
    const names = of.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${'='.repeat(80)}\n${names.join('\n')}\n\n${text}`;
  });
}
