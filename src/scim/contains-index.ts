/** `containsIndex` of the configuration: the attributes in which `co` (RFC 7644 §3.4.2.2) is served by an index. */
import { groupsAttribute, membersAttribute } from './document.ts';
import { type Attribute, type ResourceType, resolveName } from './registry.ts';

/** What the store keeps apart from documents, or knows from the row itself. */
const common = new Set(['id', 'schemas', 'meta']);

/** The attributes of these types that a name in standard notation stands for, or why there can be no index for it. */
export function attributesToIndex(
  name: string,
  types: readonly ResourceType[],
): readonly Attribute[] | { readonly refused: string } {
  const found = types.flatMap((type) => {
    const resolved = resolveName(type, name);
    return resolved?.kind === 'attribute' ? [{ type, attribute: resolved.attribute }] : [];
  });
  if (found.length === 0) return { refused: `no resource type has an attribute ${name}` };
  for (const { type, attribute } of found) {
    const top = attribute.parent ?? attribute;
    if (attribute.type === 'complex')
      return { refused: `${name} is complex; name one of its sub-attributes` };
    if (attribute.type !== 'string' && attribute.type !== 'reference')
      return { refused: `${name} is not a string, and \`co\` compares strings` };
    if (attribute.parent !== undefined && attribute.multiValued)
      return { refused: `${name} has several values within one of ${top.path}` };
    const computed = top === membersAttribute(type) || top === groupsAttribute(type) || common.has(top.path);
    if (computed || attribute.returned === 'never')
      return { refused: `${name} is not stored where an index can reach it` };
  }
  return found.map(({ attribute }) => attribute);
}
