import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secrecy } from '../../src/doctor/transcript.ts';

describe('the token in a report', () => {
  const shown = (token: string, text: string) => new Secrecy([token], 'mark').text(text);

  test('a long one is hidden wherever it stands, and as JSON writes it', () => {
    const token = 'scimd_0123456789abcdef"';
    assert.equal(shown(token, `x${token}x`), 'x[hidden]x');
    assert.equal(shown(token, JSON.stringify({ token })), '{"token":"[hidden]"}');
  });

  test('a short one is hidden as a word, and its letters elsewhere are not', () => {
    assert.equal(
      shown('t', "Bearer t: the token 't' is not right"),
      "Bearer [hidden]: the token '[hidden]' is not right",
    );
    assert.equal(shown('s3c.r+t', 'token=s3c.r+t. It is s3cxr+t?'), 'token=[hidden]. It is s3cxr+t?');
    assert.equal(shown('ä', 'Bär ä'), 'Bär [hidden]');
  });
});
