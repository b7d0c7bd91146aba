/** What binding refuses, in words: one method for each mistake, with its position, a stable code and a hint. */
import {
  type AttrPath,
  type Compare,
  type CompareOperator,
  type FilterScimType,
  type Range,
  ScimFilterError,
  stringify,
} from '../../grammar/index.ts';
import { nearest } from '../nearest.ts';
import type { Attribute, Extension, ResourceType } from '../scim/registry.ts';

export interface ProblemOptions {
  /** The text that was parsed, for the caret frame of errors. */
  readonly source?: string;
  /** Default `invalidFilter`; `invalidPath` for a filter within a PATCH path. */
  readonly scimType?: FilterScimType;
}

const article: Record<Attribute['type'], string> = {
  string: 'a string',
  boolean: 'a boolean',
  decimal: 'a decimal',
  integer: 'an integer',
  dateTime: 'a dateTime',
  binary: 'binary',
  reference: 'a reference',
  complex: 'complex',
};

const literals: Record<Attribute['type'], string> = {
  string: 'a string in double quotes',
  boolean: 'true or false',
  decimal: 'a number',
  integer: 'a number',
  dateTime: 'a dateTime in double quotes like "2011-05-13T04:42:34Z"',
  binary: 'a base64 string in double quotes',
  reference: 'a URI in double quotes',
  complex: 'a sub-attribute',
};

const textOperators: readonly CompareOperator[] = ['co', 'sw', 'ew'];
const orderOperators: readonly CompareOperator[] = ['gt', 'ge', 'lt', 'le'];
/** Binary is text as far as its base64 letters go, but has no order (§3.4.2.2). */
const withText: readonly Attribute['type'][] = ['string', 'reference', 'binary'];
const withoutOrder: readonly Attribute['type'][] = ['boolean', 'binary'];

export class BindProblems {
  readonly #type: ResourceType | undefined;
  readonly #element: Attribute | undefined;
  readonly #options: ProblemOptions;

  constructor(type: ResourceType | undefined, element: Attribute | undefined, options: ProblemOptions) {
    this.#type = type;
    this.#element = element;
    this.#options = options;
  }

  unknown(path: AttrPath): ScimFilterError {
    const written = stringify(path);
    const owner = this.#element === undefined ? this.#type?.name : this.#element.path;
    const suggestion = nearest(written, this.#names(path), written.includes('.') ? withoutUrn : lastName);
    return this.#error('unknownAttribute', `${owner} has no attribute ${written}`, path.range, {
      ...(suggestion === undefined ? {} : { hint: `Did you mean ${suggestion}?` }),
    });
  }

  hidden(attribute: Attribute, path: AttrPath): ScimFilterError {
    return this.#error(
      'forbiddenAttribute',
      `${attribute.path} is never returned, so it cannot be filtered by`,
      path.range,
    );
  }

  complex(attribute: Attribute, node: Compare): ScimFilterError {
    const paths = [...attribute.subAttributes.values()].map((sub) => sub.path);
    return this.#error(
      'complexAttribute',
      `${attribute.path} is complex and has no value of its own`,
      node.attrPath.range,
      {
        expected: paths,
      },
    );
  }

  extension(extension: Extension, node: Compare): ScimFilterError {
    return this.#error(
      'complexAttribute',
      `${extension.schema.id} is a schema extension`,
      node.attrPath.range,
      {
        hint: `Name one of its attributes: ${[...extension.attributes.values()].map((attribute) => attribute.path)[0]}`,
      },
    );
  }

  notSelectable(range: Range): ScimFilterError {
    return this.#error(
      'notSelectable',
      'Only a complex or multi-valued attribute can have a filter in brackets',
      range,
    );
  }

  nullOperator(node: Compare): ScimFilterError {
    return this.#error('invalidOperator', `${node.operator} cannot compare with null`, node.range, {
      expected: ['eq', 'ne'],
    });
  }

  /** §3.4.2.2 table 3: no order on boolean and binary; substrings are for text only. */
  checkOperator(attribute: Attribute, node: Compare): void {
    const { operator } = node;
    const { type } = attribute;
    const refused =
      (textOperators.includes(operator) && !withText.includes(type)) ||
      (orderOperators.includes(operator) && withoutOrder.includes(type));
    if (!refused) return;
    const expected: CompareOperator[] = ['eq', 'ne'];
    if (withText.includes(type)) expected.push(...textOperators);
    if (!withoutOrder.includes(type)) expected.push(...orderOperators);
    throw this.#error(
      'invalidOperator',
      `${attribute.path} is ${article[type]} and has no ${operator}`,
      node.range,
      {
        expected: [...expected, 'pr'],
      },
    );
  }

  literal(attribute: Attribute, node: Compare): ScimFilterError {
    const [start, end] = node.range;
    const from = Math.max(start, end - node.raw.length);
    return this.#error('invalidValue', `${attribute.path} is ${article[attribute.type]}`, [from, end], {
      expected: [literals[attribute.type]],
    });
  }

  /** The names that could have been meant, spelt as the client would have to. */
  #names(path: AttrPath): string[] {
    if (this.#element !== undefined) {
      return this.#element.type === 'complex'
        ? [...this.#element.subAttributes.values()].map((sub) => sub.name)
        : ['value'];
    }
    const names: string[] = [];
    const add = (attribute: Attribute) => {
      names.push(attribute.path);
      if (path.subAttr !== undefined)
        for (const sub of attribute.subAttributes.values()) names.push(sub.path);
    };
    for (const attribute of this.#type?.attributes.values() ?? []) add(attribute);
    for (const extension of this.#type?.extensions.values() ?? []) {
      for (const attribute of extension.attributes.values()) add(attribute);
    }
    return names;
  }

  #error(
    code: string,
    detail: string,
    range: Range,
    more: { readonly expected?: readonly string[]; readonly hint?: string } = {},
  ): ScimFilterError {
    const { source, scimType } = this.#options;
    return new ScimFilterError({
      code,
      detail,
      range,
      ...(source === undefined ? {} : { source }),
      ...(scimType === undefined ? {} : { scimType }),
      ...more,
    });
  }
}

/** `department` is near to `urn:…:User:department`. */
function withoutUrn(path: string): string {
  return path.slice(path.lastIndexOf(':') + 1);
}

/** `familyName` is near to `name.familyName`. */
function lastName(path: string): string {
  return withoutUrn(path).slice(withoutUrn(path).lastIndexOf('.') + 1);
}
