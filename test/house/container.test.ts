/** scripts/Dockerfile and scripts/compose.yaml: what they name is there, and the settings are settings. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { commands } from '../../src/cli/commands.ts';
import { environmentName, fileVariableName, optionNames, optionOf } from '../../src/ops/options.ts';
import { read, root } from './sources.ts';

interface Instruction {
  readonly name: string;
  readonly text: string;
  readonly stage: number;
}

/** Instructions with their continuation lines, without comments (docs.docker.com/reference/dockerfile). */
function instructionsOf(dockerfile: string): Instruction[] {
  let stage = -1;
  return dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
      if (name === 'FROM') stage++;
      return { name, text, stage };
    });
}

const dockerfile = instructionsOf(read('scripts/Dockerfile'));
const last = dockerfile.at(-1)?.stage;
const inLast = (name: string) =>
  dockerfile.filter((each) => each.name === name && each.stage === last).map(({ text }) => text);
const variables = new Map(
  optionNames.flatMap((name) => {
    const variable = environmentName(name);
    return [
      [variable, name] as const,
      ...[fileVariableName(name) ?? []].flat().map((inFile) => [inFile, name] as const),
    ];
  }),
);

test('every instruction of the Dockerfile is one', () => {
  const known = 'FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD'.split(' ');
  assert.deepEqual(
    dockerfile.filter(({ name }) => !known.includes(name)),
    [],
  );
});

test('what the Dockerfile copies is there: in the repository, or made by its first stage', () => {
  const made = dockerfile.filter(({ name, stage }) => name === 'RUN' && stage === 0).map(({ text }) => text);
  for (const { text } of dockerfile.filter(({ name }) => name === 'COPY')) {
    const words = text.split(' ').filter((word) => !word.startsWith('--'));
    for (const source of words.slice(0, -1)) {
      if (!text.includes('--from=build')) assert.ok(existsSync(join(root, source)), source);
      else {
        const path = source.replace('/source/', '');
        const isMade =
          existsSync(join(root, path)) ||
          (path === 'dist' && made.some((run) => run.includes('npm run build'))) ||
          made.some((run) => new RegExp(`mkdir .*${source}\\b`).test(run));
        assert.ok(isMade, source);
      }
    }
  }
});

test('the image runs without root, on a volume of its own, and is checked by scimd healthcheck', () => {
  assert.match(inLast('FROM')[0] ?? '', /:nonroot$/);
  assert.deepEqual(inLast('USER'), ['65532:65532']);
  // The database is on the volume by its default name, so that SCIMD_DATABASE and SCIMD_DATABASE_FILE are the operator's.
  assert.deepEqual(inLast('WORKDIR'), ['/data']);
  assert.equal(optionOf('database').default, 'scimd.db');
  assert.doesNotMatch(inLast('ENV')[0] ?? '', /SCIMD_DATABASE/);
  assert.deepEqual(JSON.parse(inLast('VOLUME')[0] ?? ''), ['/data', '/backups']);
  const entry = JSON.parse(inLast('ENTRYPOINT')[0] ?? '');
  const check = JSON.parse(/CMD (.*)$/.exec(inLast('HEALTHCHECK')[0] ?? '')?.[1] ?? '');
  assert.deepEqual(check, [...entry, 'healthcheck']);
  for (const name of ['healthcheck', ...JSON.parse(inLast('CMD')[0] ?? '')])
    assert.ok(
      commands.some((command) => command.name === name),
      name,
    );
  for (const [variable] of inLast('ENV')[0]?.matchAll(/SCIMD_\w+/g) ?? [])
    assert.ok(variables.has(variable), variable);
});

test('the compose file names what is there: settings, networks, volumes and secrets', () => {
  const compose = parse(read('scripts/compose.yaml'));
  const { scimd, proxy } = compose.services;
  assert.ok(existsSync(join(root, 'scripts', scimd.build.context, scimd.build.dockerfile)));
  for (const variable of Object.keys(scimd.environment)) assert.ok(variables.has(variable), variable);
  assert.equal(scimd.environment.SCIMD_BOOTSTRAP_TOKEN_FILE, '/run/secrets/scimd_token');
  for (const service of [scimd, proxy]) {
    for (const volume of service.volumes) assert.ok(volume.split(':')[0] in compose.volumes, volume);
    for (const network of service.networks) assert.ok(network in compose.networks, network);
  }
  for (const secret of scimd.secrets) assert.ok(secret in compose.secrets, secret);
  const mounted = scimd.volumes.map((volume: string) => volume.split(':')[1]);
  assert.deepEqual(mounted, JSON.parse(inLast('VOLUME')[0] ?? ''));
  assert.equal(scimd.environment.SCIMD_TRUSTED_PROXIES, compose.networks.inside.ipam.config[0].subnet);
  assert.equal(proxy.depends_on.scimd.condition, 'service_healthy');
});
