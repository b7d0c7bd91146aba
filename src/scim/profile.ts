/**
 * Profiles: what SCIM leaves open, settled. `ipsie` is the account lifecycle profile of OpenID's IPSIE working group,
 * with the SCIM interoperability profile that it builds on: here is what they ask of schemas.
 */
import type { AttributeDefinition, SchemaDefinition } from './definitions.ts';

export const profiles = ['ipsie'] as const;
export type Profile = (typeof profiles)[number];

/** What `type` may be where the standard lists nothing (interoperability profile: canonical values for each `type`). */
const usualTypes = ['work', 'home', 'other'];

/** Names of what gives access: such attributes are not provisioned. */
const credential =
  /^(?:.*(?:password|passwd|passphrase|passcode|secret|credential)|pin|otp|totp|(?:api|private|ssh)keys?|(?:api|access|refresh)tokens?)/i;

/** The standard schemas without `password`, and with values for each `type`. */
export function profiledSchemas(schemas: readonly SchemaDefinition[]): readonly SchemaDefinition[] {
  return schemas.map((schema) => ({
    ...schema,
    attributes: schema.attributes.filter(({ name }) => name !== 'password').map(withTypes),
  }));
}

function withTypes(attribute: AttributeDefinition): AttributeDefinition {
  const { subAttributes } = attribute;
  if (!hasOpenType(attribute) || subAttributes === undefined) return attribute;
  return {
    ...attribute,
    subAttributes: subAttributes.map((sub) =>
      sub.name === 'type' ? { ...sub, canonicalValues: usualTypes } : sub,
    ),
  };
}

function hasOpenType({ multiValued, subAttributes = [] }: AttributeDefinition): boolean {
  const type = subAttributes.find(({ name }) => name === 'type');
  return multiValued === true && type !== undefined && (type.canonicalValues ?? []).length === 0;
}

/** What is wrong with the attributes of a schema of the operator's own, by their index. */
export function profileProblems({ attributes }: SchemaDefinition): { index: number; reason: string }[] {
  return attributes.flatMap((attribute, index) => {
    const problems: string[] = [];
    if (isCredential(attribute)) problems.push('is a credential, which the profile ipsie does not allow');
    if (hasOpenType(attribute))
      problems.push('needs canonicalValues for its type: the profile ipsie asks for them');
    return problems.map((reason) => ({ index, reason }));
  });
}

function isCredential({ name, returned, mutability, subAttributes = [] }: AttributeDefinition): boolean {
  const isHidden = returned === 'never' || mutability === 'writeOnly';
  return isHidden || credential.test(name) || subAttributes.some(isCredential);
}
