/** scimd doctor against SCIMMY without the enterprise extension: what is right there is not told as wrong. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { scimd, temporaryFolder } from '../cli/scimd.ts';
import { type ScimmyServer, startScimmy } from './scimmy-server.ts';

const folder = temporaryFolder();
/** One letter, which is in nearly every word of a report. */
const token = 't';
let server: ScimmyServer;
before(async () => {
  server = await startScimmy(token);
});
after(() => server.close());

interface Check {
  readonly id: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly problems: readonly { readonly found: string }[];
}

async function examine(...more: readonly string[]): Promise<readonly Check[]> {
  const { stdout, stderr } = await scimd(['doctor', server.base, '--token', token, '--json', ...more], {
    folder,
  });
  assert.notEqual(stdout, '', stderr);
  return (JSON.parse(stdout) as { readonly checks: readonly Check[] }).checks;
}

describe('SCIMMY, which has no enterprise extension unless it is declared', () => {
  test('the user of the Entra ID checks is made without it, and only what is about it is skipped', async () => {
    const checks = await examine('--only', 'entra');
    assert.deepEqual(
      checks.filter(({ outcome }) => outcome === 'skipped').map(({ id, reason }) => [id, reason]),
      ['entra-create-enterprise', 'entra-update-enterprise', 'entra-pathless', 'entra-manager'].map((id) => [
        id,
        '/ResourceTypes lists no enterprise extension for Users',
      ]),
    );
    assert.deepEqual(
      checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id),
      [],
    );
    assert.equal(server.size(), 0);
  });

  test('no check of any part is skipped because another could not make its user', async () => {
    for (const { id, reason } of await examine()) assert.doesNotMatch(reason ?? '', /could not be made/, id);
    assert.equal(server.size(), 0);
  });

  test('a token of one letter is hidden where it stands alone, and no word is', async () => {
    const { stdout } = await scimd(['doctor', server.base, '--token', token, '--only', 'okta', '--verbose'], {
      folder,
    });
    assert.doesNotMatch(stdout, /\w\[hidden\]|\[hidden\]\w/);
    assert.match(stdout, /scimd-doctor-/);
  });
});
