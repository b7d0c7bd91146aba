/**
 * Roles and entitlements: which groups give them, by rules of the configuration, and what somebody has through the
 * groups that they are in. What they are called is that of draft-ietf-scim-roles-entitlements.
 */
export const grantKinds = ['role', 'entitlement'] as const;
export type GrantKind = (typeof grantKinds)[number];

/** The key of the configuration that has the rules of a kind. */
export const rulesKey = { role: 'roles', entitlement: 'entitlements' } as const satisfies Record<
  GrantKind,
  string
>;

/** A role or an entitlement, by its name. */
export interface Granted {
  readonly kind: GrantKind;
  readonly name: string;
}

/** A rule without its name. */
export interface AccessRuleForm {
  /** A SCIM filter over groups (RFC 7644 §3.4.2.2): those that it finds give it, to everybody in them. */
  readonly groups: string;
  /** A name to be shown. */
  readonly display?: string | undefined;
  /** What it is for, in a word. */
  readonly type?: string | undefined;
  /** How many active people must have it: a change that leaves fewer is refused. */
  readonly keep?: number | undefined;
  /** How many active people may have it: a change that gives it to more is refused. */
  readonly seats?: number | undefined;
  /** Only of the tenants of these names; of all without it. */
  readonly tenants?: readonly string[] | undefined;
}

/** Which groups give a role or an entitlement, and to how many people at least and at most. */
export interface AccessRule extends Granted, AccessRuleForm {}

/** Those of a tenant, by its name. */
export function rulesOf(tenant: string, rules: readonly AccessRule[]): readonly AccessRule[] {
  return rules.filter(({ tenants }) => tenants === undefined || tenants.includes(tenant));
}

/** Something given, and the groups that give it: all of them, so that each reason shows. */
export interface Grant<Group> extends Granted {
  readonly by: readonly Group[];
}

/**
 * What somebody has who is in these groups, direct and nested ones, each with what it gives; in the order of kinds and
 * names.
 */
export function grantsThrough<Group extends { readonly gives?: readonly Granted[] | undefined }>(
  groups: readonly Group[],
): Grant<Group>[] {
  const grants = new Map<string, { readonly granted: Granted; readonly by: Group[] }>();
  for (const group of groups)
    for (const granted of group.gives ?? []) {
      const key = `${granted.kind} ${granted.name}`;
      const known = grants.get(key);
      if (known === undefined) grants.set(key, { granted, by: [group] });
      else known.by.push(group);
    }
  return [...grants.values()]
    .map(({ granted: { kind, name }, by }) => ({ kind, name, by }))
    .sort((a, b) => compareText(b.kind, a.kind) || compareText(a.name, b.name));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `role billing_admin`, for those who read it. */
export function grantedText({ kind, name }: Granted): string {
  return `${kind} ${name}`;
}

/** Rules that would leave a role with fewer people than it must keep. */
export class RulesError extends Error {
  override readonly name = 'RulesError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}
