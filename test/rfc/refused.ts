import assert from 'node:assert/strict';
import { type Answer, errorSchema } from '../server.ts';

/** Asserts that an answer is a SCIM error message (RFC 7644 §3.12) of this status and scimType, and why. */
export function refused(answer: Answer, status: number, scimType?: string, detail?: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/scim\+json\b/);
  assert.deepEqual(answer.json.schemas, [errorSchema]);
  assert.equal(answer.json.status, String(status));
  assert.equal(answer.json.scimType, scimType, answer.text);
  assert.match(answer.json.detail, detail ?? /\S/);
}
