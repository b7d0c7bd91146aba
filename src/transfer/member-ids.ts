/** Members of groups as ids. A table made by hand names people as people do: by userName, and groups by displayName. */
import type { Caller } from '../directory/caller.ts';
import type { Directory } from '../directory/directory.ts';
import { ScimError } from '../error.ts';
import { membersAttribute } from '../scim/document.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import type { CheckedResource } from '../scim/resource.ts';

type Members = NonNullable<CheckedResource['members']>;

/** So many ids that were seen are not looked up again. */
const remembered = 100_000;

export class MemberIds {
  readonly #directory: Directory;
  readonly #caller: Caller;
  readonly #known = new Set<string>();

  constructor(directory: Directory, caller: Caller) {
    this.#directory = directory;
    this.#caller = caller;
  }

  /** Is there a resource of that id, of whatever type? */
  async has(id: string): Promise<boolean> {
    if (this.#known.has(id)) return true;
    if (!(await this.#directory.store.hasResource(this.#caller.principal.tenant, id))) return false;
    if (this.#known.size < remembered) this.#known.add(id);
    return true;
  }

  /**
   * The same members by their ids; `strangers` are the values that are neither an id nor, with `byName`, a name here,
   * and stay as they are.
   * @throws ScimError 400 invalidValue for a name that several have.
   */
  async of(members: Members, byName: boolean): Promise<{ members: Members; strangers: string[] }> {
    const found = new Map<string, Members[number]>();
    const strangers: string[] = [];
    for (const member of members) {
      const isId = await this.has(member.value);
      const id = isId || !byName ? undefined : await this.#named(member.value);
      if (!isId && id === undefined) strangers.push(member.value);
      const value = id ?? member.value;
      if (!found.has(value)) found.set(value, { ...member, value });
    }
    return { members: [...found.values()], strangers };
  }

  async #named(name: string): Promise<string | undefined> {
    const ids = new Set<string>();
    for (const type of this.#directory.store.registry.resourceTypes)
      for (const attribute of naming(type)) {
        const page = await this.#directory.findBy(this.#caller, type, attribute, name, 2);
        for (const { id } of page.resources) ids.add(id);
      }
    if (ids.size > 1)
      throw new ScimError(
        400,
        'invalidValue',
        `members: ${JSON.stringify(name)} is the name of several here: give the id`,
      );
    return [...ids][0];
  }
}

/** What people call a resource of this type by: what is unique, such as userName, and of groups displayName. */
function naming(type: ResourceType): Attribute[] {
  return [...type.attributes.values()].filter(
    ({ name, type: kind, multiValued, uniqueness, mutability }) =>
      kind === 'string' &&
      !multiValued &&
      mutability !== 'readOnly' &&
      (uniqueness !== 'none' || (name === 'displayName' && membersAttribute(type) !== undefined)),
  );
}
