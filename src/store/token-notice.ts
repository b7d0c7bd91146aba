/** Notices about the tokens that providers use. */
import type { NewNotice, Token } from './store.ts';

/** Is it a token that a provider writes with? Of others nobody wants to hear when they are used. */
export function isConnection({ scope }: Token): boolean {
  return scope === 'scim' || scope === 'admin';
}

/** What is told of a token, and beside it. */
export function tokenNotice(
  event: string,
  { id, name, idp, scope, tenant }: Token,
  more: object = {},
): NewNotice {
  return {
    tenant,
    event,
    subject: { type: 'Token', id },
    data: { token: { id, name, idp, scope }, ...more },
  };
}
