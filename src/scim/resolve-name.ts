import { parseAttrPath, ScimFilterError } from '../../grammar/index.ts';
import { type Resolved, type ResourceType, resolveAttrPath } from './registry.ts';

/** What a name in attribute notation (RFC 7644 §3.10) stands for; nothing if it is not of that notation. */
export function resolveName(type: ResourceType, name: string): Resolved | undefined {
  try {
    return resolveAttrPath(type, parseAttrPath(name));
  } catch (error) {
    if (error instanceof ScimFilterError) return undefined;
    throw error;
  }
}
