import manifest from '../../package.json' with { type: 'json' };
import type { Invocation } from './command.ts';

export function printVersion({ json, terminal }: Invocation): number {
  const { version } = manifest;
  const { node } = process.versions;
  terminal.print(json ? JSON.stringify({ version, node }) : `scimd ${version} (Node.js ${node})`);
  return 0;
}
