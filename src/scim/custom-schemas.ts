/**
 * Schemas and resource types of the operator's own, from the configuration: added to the standard ones, checked by
 * the rules of RFC 7643 §2, §6 and §7 before anything is served.
 */
import * as v from 'valibot';
import { attributesToIndex } from './contains-index.ts';
import { DefinitionError, type DefinitionProblem } from './definition-error.ts';
import { type ConfiguredType, definitionForms } from './definition-forms.ts';
import type { AttributeDefinition, ResourceTypeDefinition, SchemaDefinition } from './definitions.ts';
import { type Profile, profiledSchemas, profileProblems } from './profile.ts';
import { compileRegistry, type Registry } from './registry.ts';
import commonAttributes from './schemas/common.json' with { type: 'json' };
import { standardResourceTypes, standardSchemas } from './standard.ts';

export { DefinitionError, type DefinitionProblem };

const reservedEndpoints = new Set(['/me', '/bulk', '/schemas', '/resourcetypes', '/serviceproviderconfig']);

/**
 * The registry of the standard types with what is configured: new schemas, new resource types, and extensions of
 * the standard ones (an entry with the name of a standard type adds its `schemaExtensions`).
 * @throws DefinitionError with every problem and its place.
 */
export function configuredRegistry(configured: {
  readonly schemas?: unknown;
  readonly resourceTypes?: unknown;
  /** Names of attributes, in standard notation. */
  readonly containsIndex?: readonly string[] | undefined;
  readonly profile?: Profile | undefined;
}): Registry {
  const problems: DefinitionProblem[] = [];
  const read = <T>(form: v.GenericSchema<unknown, T>, value: unknown, at: string): T | undefined => {
    const result = v.safeParse(form, value === undefined ? [] : value);
    if (result.success) return result.output;
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map(({ key }) => key as string | number);
      problems.push({ path: [at, ...path], reason: issue.message });
    }
    return undefined;
  };
  const ownSchemas = read(definitionForms.schemas, configured.schemas, 'schemas');
  const ownTypes = read(definitionForms.resourceTypes, configured.resourceTypes, 'resourceTypes');
  if (ownSchemas === undefined || ownTypes === undefined) throw new DefinitionError(problems);
  const checker = new Checker(problems);
  const { profile } = configured;
  const standard = profile === undefined ? standardSchemas : profiledSchemas(standardSchemas);
  const allSchemas = [...standard, ...(ownSchemas as readonly SchemaDefinition[])];
  if (profile !== undefined)
    for (const [at, each] of (ownSchemas as readonly SchemaDefinition[]).entries())
      for (const { index, reason } of profileProblems(each))
        problems.push({ path: ['schemas', at, 'attributes', index], reason });
  checker.schemas(ownSchemas as readonly SchemaDefinition[]);
  const types = checker.resourceTypes(ownTypes, new Map(allSchemas.map((each) => [each.id, each])));
  checker.references(ownSchemas as readonly SchemaDefinition[], new Set(types.map((type) => type.name)));
  if (problems.length > 0) throw new DefinitionError(problems);
  const registry = compileRegistry(allSchemas, types);
  const containsIndex = (configured.containsIndex ?? []).flatMap((name, index) => {
    const found = attributesToIndex(name, registry.resourceTypes);
    if (!('refused' in found)) return found;
    problems.push({
      path: ['containsIndex', index],
      reason: `cannot be indexed: ${found.refused}`,
    });
    return [];
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return { ...registry, containsIndex: new Set(containsIndex), profile };
}

type Path = readonly (string | number)[];

class Checker {
  readonly #problems: DefinitionProblem[];

  constructor(problems: DefinitionProblem[]) {
    this.#problems = problems;
  }

  schemas(own: readonly SchemaDefinition[]): void {
    const known = new Set(standardSchemas.map((each) => each.id.toLowerCase()));
    for (const [index, each] of own.entries()) {
      const at: Path = ['schemas', index];
      if (known.has(each.id.toLowerCase())) this.#report([...at, 'id'], `${each.id} is defined already`);
      if (/^urn:ietf:params:scim:api:/i.test(each.id)) {
        this.#report([...at, 'id'], 'is in the namespace of protocol messages (RFC 7644 §3.1)');
      }
      known.add(each.id.toLowerCase());
      this.#attributes(each.attributes, [...at, 'attributes'], false);
      const secrets = each.attributes.filter((attribute) => attribute.mutability === 'writeOnly');
      if (secrets.length > 1) this.#report([...at, 'attributes'], 'can contain only one writeOnly attribute');
    }
  }

  resourceTypes(
    own: readonly ConfiguredType[],
    schemasById: ReadonlyMap<string, SchemaDefinition>,
  ): readonly ResourceTypeDefinition[] {
    const types = new Map<string, ResourceTypeDefinition>(
      standardResourceTypes.map((type) => [type.name, type]),
    );
    for (const [index, each] of own.entries()) {
      const at: Path = ['resourceTypes', index];
      const standard = standardResourceTypes.find((type) => type.name === each.name);
      const definition =
        standard === undefined
          ? this.#newType(each, at)
          : this.#extended(types.get(each.name) ?? standard, each, at);
      if (definition === undefined) continue;
      if (
        standard === undefined &&
        [...types.keys()].some((name) => name.toLowerCase() === each.name.toLowerCase())
      ) {
        this.#report([...at, 'name'], `${each.name} is defined already`);
      }
      const inherited = (definition.schemaExtensions?.length ?? 0) - (each.schemaExtensions?.length ?? 0);
      this.#placeType(definition, schemasById, at, types, inherited);
      types.set(each.name, definition);
    }
    return [...types.values()];
  }

  /** referenceTypes name resource types, or are `external` or `uri` (RFC 7643 §7). */
  references(own: readonly SchemaDefinition[], names: ReadonlySet<string>): void {
    const check = (attributes: readonly AttributeDefinition[], at: Path): void => {
      for (const [index, each] of attributes.entries()) {
        for (const [place, name] of (each.referenceTypes ?? []).entries()) {
          if (name !== 'external' && name !== 'uri' && !names.has(name)) {
            this.#report(
              [...at, index, 'referenceTypes', place],
              `${name} is not a resource type, external or uri`,
            );
          }
        }
        check(each.subAttributes ?? [], [...at, index, 'subAttributes']);
      }
    };
    for (const [index, each] of own.entries()) check(each.attributes, ['schemas', index, 'attributes']);
  }

  #newType(each: ConfiguredType, at: Path): ResourceTypeDefinition | undefined {
    if (each.endpoint === undefined) this.#report([...at, 'endpoint'], 'is required for a new resource type');
    if (each.schema === undefined) this.#report([...at, 'schema'], 'is required for a new resource type');
    if (each.endpoint === undefined || each.schema === undefined) return undefined;
    const { name, schema: base, description, schemaExtensions = [] } = each;
    const endpoint = each.endpoint.startsWith('/') ? each.endpoint : `/${each.endpoint}`;
    return {
      name,
      endpoint,
      schema: base,
      schemaExtensions,
      ...(description === undefined ? {} : { description }),
    };
  }

  #extended(standard: ResourceTypeDefinition, each: ConfiguredType, at: Path): ResourceTypeDefinition {
    for (const member of ['endpoint', 'schema', 'description'] as const) {
      if (each[member] !== undefined && each[member] !== standard[member]) {
        this.#report(
          [...at, member],
          `of ${each.name} cannot be changed; only schemaExtensions can be added`,
        );
      }
    }
    return {
      ...standard,
      schemaExtensions: [...(standard.schemaExtensions ?? []), ...(each.schemaExtensions ?? [])],
    };
  }

  #placeType(
    definition: ResourceTypeDefinition,
    schemasById: ReadonlyMap<string, SchemaDefinition>,
    at: Path,
    types: ReadonlyMap<string, ResourceTypeDefinition>,
    inherited: number,
  ): void {
    const { endpoint } = definition;
    const taken = [...types.values()].find(
      (type) => type.name !== definition.name && type.endpoint.toLowerCase() === endpoint.toLowerCase(),
    );
    if (taken !== undefined)
      this.#report([...at, 'endpoint'], `${endpoint} belongs to ${taken.name} already`);
    if (reservedEndpoints.has(endpoint.toLowerCase()))
      this.#report([...at, 'endpoint'], `${endpoint} is reserved by the protocol (RFC 7644 §3.2)`);
    const base = schemasById.get(definition.schema);
    if (base === undefined) this.#report([...at, 'schema'], `${definition.schema} is not defined`);
    for (const name of foreignToMembers(base)) {
      this.#report(
        [...at, 'schema'],
        `members of ${definition.schema} can have value, display, type and $ref, not ${name}`,
      );
    }
    const names = new Map(
      (base?.attributes ?? []).map((each) => [each.name.toLowerCase(), definition.schema]),
    );
    const seen = new Set<string>();
    for (const [index, { schema: uri }] of (definition.schemaExtensions ?? []).entries()) {
      const place: Path = [...at, 'schemaExtensions', index - inherited, 'schema'];
      if (uri === definition.schema || seen.has(uri)) this.#report(place, `${uri} is duplicated`);
      seen.add(uri);
      const found = schemasById.get(uri);
      if (found === undefined) this.#report(place, `${uri} is not defined`);
      if (found?.attributes.some((each) => each.mutability === 'writeOnly'))
        this.#report(place, `${uri} has a writeOnly attribute, which only a base schema can have`);
      for (const each of found?.attributes ?? []) {
        if (names.get(each.name.toLowerCase()) === definition.schema) {
          this.#report(place, `redefines ${each.name} of ${definition.schema} (RFC 7643 §3.3)`);
        }
      }
    }
  }

  #attributes(attributes: readonly AttributeDefinition[], at: Path, nested: boolean): void {
    const seen = new Set(nested ? [] : commonAttributes.map((each) => each.name.toLowerCase()));
    for (const [index, each] of attributes.entries()) {
      const place: Path = [...at, index];
      const key = each.name.toLowerCase();
      if (seen.has(key)) this.#report([...place, 'name'], `${each.name} is defined already`);
      // Every object inherits a member of this name.
      if (each.name in Object.prototype) this.#report([...place, 'name'], `${each.name} is a reserved word`);
      seen.add(key);
      this.#attribute(each, place, nested);
    }
  }

  /** Which characteristics one attribute can combine (RFC 7643 §2.2, §2.3, §7). */
  #attribute(each: AttributeDefinition, at: Path, nested: boolean): void {
    const type = each.type ?? 'string';
    if (type === 'complex') {
      if (nested)
        this.#report([...at, 'type'], 'cannot be complex inside a complex attribute (RFC 7643 §2.3.8)');
      else if ((each.subAttributes ?? []).length === 0)
        this.#report(at, 'is complex and needs subAttributes');
      else this.#attributes(each.subAttributes ?? [], [...at, 'subAttributes'], true);
    } else if (each.subAttributes !== undefined) {
      this.#report([...at, 'subAttributes'], 'belong to complex attributes only (RFC 7643 §1.2)');
    }
    const unique = each.uniqueness !== undefined && each.uniqueness !== 'none';
    if (unique && (type === 'complex' || type === 'boolean' || type === 'binary' || type === 'dateTime')) {
      this.#report([...at, 'uniqueness'], `does not apply to type ${type} (RFC 7643 §2.3)`);
    }
    if (each.caseExact === true && (type === 'boolean' || type === 'complex')) {
      this.#report([...at, 'caseExact'], `does not apply to type ${type} (RFC 7643 §2.3)`);
    }
    if (each.caseExact === false && (type === 'reference' || type === 'binary')) {
      this.#report([...at, 'caseExact'], `must be true for ${type} (RFC 7643 §2.3)`);
    }
    if (each.referenceTypes !== undefined && type !== 'reference') {
      this.#report([...at, 'referenceTypes'], 'belong to references only (RFC 7643 §7)');
    }
    if (type === 'reference' && (each.referenceTypes ?? []).length === 0) {
      this.#report(at, 'is a reference and needs referenceTypes (RFC 7643 §7)');
    }
    if (
      each.mutability === 'writeOnly' &&
      (each.returned !== 'never' || type !== 'string' || each.multiValued === true || nested)
    ) {
      this.#report(
        [...at, 'mutability'],
        'writeOnly is for a single string with returned never, such as a password (RFC 7643 §7)',
      );
    }
    if (each.mutability === 'readOnly' && each.required === true) {
      this.#report([...at, 'required'], 'cannot be true for a readOnly attribute, which clients cannot set');
    }
    this.#indexed(each, at);
  }

  /** `indexed` is refused where it could not keep what it promises. */
  #indexed(each: AttributeDefinition, at: Path): void {
    const subs = each.subAttributes ?? [];
    if (each.multiValued === true) {
      for (const [index, sub] of subs.entries()) {
        if (sub.indexed === true && sub.name.toLowerCase() !== 'value')
          this.#report(
            [...at, 'subAttributes', index, 'indexed'],
            'applies only to value in a multi-valued attribute',
          );
      }
    }
    if (each.indexed !== true) return;
    if (each.type === 'binary') this.#report([...at, 'indexed'], 'does not apply to type binary');
    if (each.type !== 'complex') return;
    if (each.multiValued !== true) this.#report([...at, 'indexed'], 'belongs on its subAttributes');
    else if (!subs.some((sub) => sub.name.toLowerCase() === 'value'))
      this.#report([...at, 'indexed'], 'needs a sub-attribute value to index');
  }

  #report(path: Path, reason: string): void {
    this.#problems.push({ path, reason });
  }
}

/** Sub-attributes that the membership table cannot store. */
function foreignToMembers(schema: SchemaDefinition | undefined): string[] {
  const members = schema?.attributes.find((each) => each.name.toLowerCase() === 'members');
  const names = (members?.subAttributes ?? []).map(({ name }) => name.toLowerCase());
  const isStored =
    members?.multiValued === true && members.mutability !== 'readOnly' && names.includes('value');
  return isStored ? names.filter((name) => !['value', 'display', 'type', '$ref'].includes(name)) : [];
}
