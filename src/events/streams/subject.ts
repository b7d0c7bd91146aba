/** Subject identifiers (RFC 9493, RFC 9967 §2.1) as receivers name people and groups with them. */
import { isObject } from '../../scim/object.ts';

/** The id of a resource, with the URI that names it, if one does; or a filter that finds a user. */
export type NamedSubject = { readonly id: string; readonly path?: string } | { readonly filter: string };

/** Undefined for what names no resource here: another format, another issuer. */
export function namedSubject(subject: unknown, issuer: string): NamedSubject | undefined {
  if (!isObject(subject)) return undefined;
  const { format, id, uri, externalId, userName, email, iss, sub, user, group } = subject;
  switch (format) {
    case 'scim': {
      const path = text(uri);
      if (path !== undefined) return { id: path.slice(path.lastIndexOf('/') + 1), path };
      return named(id) ?? filterOf('externalId', externalId) ?? filterOf('userName', userName);
    }
    case 'opaque':
      return named(id);
    case 'iss_sub':
      return iss === issuer ? named(sub) : undefined;
    case 'email': {
      const address = text(email);
      if (address === undefined) return undefined;
      const value = JSON.stringify(address);
      return { filter: `emails.value eq ${value} or userName eq ${value}` };
    }
    case 'complex':
      return namedSubject(user ?? group, issuer);
    default:
      return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function named(value: unknown): NamedSubject | undefined {
  const id = text(value);
  return id === undefined ? undefined : { id };
}

function filterOf(attribute: string, value: unknown): NamedSubject | undefined {
  const wanted = text(value);
  return wanted === undefined ? undefined : { filter: `${attribute} eq ${JSON.stringify(wanted)}` };
}
