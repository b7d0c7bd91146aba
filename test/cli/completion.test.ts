import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { run } from '../../src/cli/run.ts';
import { temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
let files = 0;

async function script(shell: string): Promise<string> {
  let text = '';
  const status = await run(commands, ['completion', shell], {
    interactive: false,
    errorIsTerminal: false,
    color: false,
    environment: {},
    folder: '.',
    print: (line) => (text += `${line}\n`),
    note: assert.fail,
    renew: () => undefined,
    write: async () => {},
    written: async () => {},
  });
  assert.equal(status, 0);
  return text;
}

/** Not every shell reads a script from its standard input. */
async function saved(text: string): Promise<string> {
  const file = join(folder, `${++files}`);
  await writeFile(file, text);
  return file;
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

describe('bash completes', { skip: !has('bash') && 'bash is not here' }, () => {
  const offers = async (line: string): Promise<string[]> => {
    const words = line.split(' ');
    const array = words.map((word) => `'${word}'`).join(' ');
    const call = `COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _scimd; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${await script('bash')}\n${call}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };
  for (const [line, expected] of [
    ['scimd tok', ['token']],
    ['scimd token ', ['create', 'list', 'show', 'rotate', 'revoke']],
    ['scimd token create --na', ['--name']],
    ['scimd token create --idp o', ['okta', 'onelogin']],
    ['scimd token create --name ', ['']],
    ['scimd token rotate --over', ['--overlap']],
    ['scimd serve --log-l', ['--log-level']],
    ['scimd serve --log-level wa', ['warn']],
    ['scimd completion ', ['bash', 'zsh', 'fish']],
    ['scimd help sett', ['settings']],
    ['scimd serve --config packag', ['package-lock.json', 'package.json']],
  ] as const)
    test(line, async () => assert.deepEqual((await offers(line)).sort(), [...expected].sort()));
});

describe('fish completes', { skip: !has('fish') && 'fish is not here' }, () => {
  for (const [line, expected] of [
    ['scimd tok', ['token']],
    ['scimd token ', ['create', 'list', 'show', 'rotate', 'revoke']],
    ['scimd token create --idp o', ['okta', 'onelogin']],
    ['scimd help sett', ['settings']],
  ] as const)
    test(line, async () => {
      const file = await saved(`${await script('fish')}\ncomplete -C '${line}'`);
      const offered = execFileSync('fish', [file], { encoding: 'utf8' }).trim().split('\n');
      assert.deepEqual(offered.map((text) => text.split('\t')[0]).sort(), [...expected].sort());
    });
});

for (const shell of ['bash', 'zsh', 'fish'])
  test(`the script for ${shell} has every command and flag`, async () => {
    const text = await script(shell);
    for (const { name, flags = {} } of commands) {
      for (const word of name.split(' ')) assert(text.includes(word), word);
      for (const flag of Object.keys(flags)) assert(text.includes(flag), flag);
    }
    if (has(shell)) execFileSync(shell, ['-n', await saved(text)]);
  });
