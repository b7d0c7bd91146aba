/** The events of security event tokens by their URIs: RFC 9967 §7.4, CAEP 1.0 §3, Shared Signals Framework 1.0 §8.1.4. */

const prefix = 'urn:ietf:params:scim:event:';
const openId = 'https://schemas.openid.net/secevent/';

export const eventUri = {
  feedAdd: `${prefix}feed:add`,
  feedRemove: `${prefix}feed:remove`,
  createNotice: `${prefix}prov:create:notice`,
  createFull: `${prefix}prov:create:full`,
  patchNotice: `${prefix}prov:patch:notice`,
  patchFull: `${prefix}prov:patch:full`,
  putNotice: `${prefix}prov:put:notice`,
  putFull: `${prefix}prov:put:full`,
  delete: `${prefix}prov:delete`,
  activate: `${prefix}prov:activate`,
  deactivate: `${prefix}prov:deactivate`,
  sessionRevoked: `${openId}caep/event-type/session-revoked`,
  credentialChange: `${openId}caep/event-type/credential-change`,
} as const;

export type EventUri = (typeof eventUri)[keyof typeof eventUri];

/** About a stream itself: sent whatever is asked for. */
export const verificationUri = `${openId}ssf/event-type/verification`;
export const streamUpdatedUri = `${openId}ssf/event-type/stream-updated`;

export const supportedUris: readonly EventUri[] = Object.values(eventUri);

/** Of RFC 9967. */
export function isOfScim(uri: EventUri): boolean {
  return uri.startsWith(prefix);
}

/** What a stream gets that asks for nothing in particular: the notice form, without the data of people. */
const usualUris: readonly EventUri[] = supportedUris.filter((uri) => !uri.endsWith(':full'));

/** `events_delivered` for `events_requested`: what is not known is left out. */
export function deliveredUris(requested: readonly string[] | undefined): readonly EventUri[] {
  return requested === undefined ? usualUris : supportedUris.filter((uri) => requested.includes(uri));
}
