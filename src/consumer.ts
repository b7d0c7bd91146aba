/**
 * `scimd/consumer`: what an application hears of the directory. Follow the feed, take a snapshot, verify webhooks,
 * compare. Runs wherever there are fetch and Web Crypto: Node, Deno, Bun, workers, browsers.
 */
export {
  acknowledge,
  type ConsumeOptions,
  compare,
  consume,
  type Differences,
  type Snapshot,
  type SnapshotItem,
  snapshot,
} from './events/consumer/consume.ts';
export type { ComparedPerson, DigestOf, DigestPerson } from './events/consumer/digest.ts';
export { type Connection, ConsumerError, PositionTooOld } from './events/consumer/request.ts';
export {
  type SignedRequest,
  VerificationError,
  type VerifyOptions,
  verify,
} from './events/consumer/verify.ts';
export type * from './events/event.ts';
