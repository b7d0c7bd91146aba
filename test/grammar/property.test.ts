import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  and,
  type Compare,
  type CompareValue,
  eq,
  type Filter,
  type Node,
  not,
  or,
  parseAttrPath,
  parseFilter,
  parsePath,
  patchPath,
  pr,
  ScimFilterError,
  safeParseFilter,
  safeParsePath,
  stringify,
  valuePath,
  walk,
} from '../../grammar/index.ts';
import { withoutRanges } from './s-expression.ts';

const name = fc.oneof(
  fc.constantFrom(
    'userName',
    'emails',
    'not',
    'pr',
    'and',
    'or',
    'eq',
    'true',
    'null',
    '$ref',
    'x',
    'constructor',
  ),
  fc.stringMatching(/^\$?[A-Za-z][A-Za-z0-9_$-]{0,8}$/),
);
const uri = fc.oneof(
  fc.constantFrom('urn:ietf:params:scim:schemas:core:2.0:User', 'https://example.com:8443/s/User'),
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9+.-]{0,4}:[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,12}$/),
);
const attrPath = fc
  .tuple(fc.option(uri), name, fc.option(name))
  .map(
    ([schema, own, sub]) => `${schema === null ? '' : `${schema}:`}${own}${sub === null ? '' : `.${sub}`}`,
  );
const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed() && !value.includes('\0'));
const value: fc.Arbitrary<CompareValue> = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const operator = fc.constantFrom<Compare['operator'][]>('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le');
const compare = fc
  .tuple(attrPath, operator, value)
  .map(([path, op, literal]): Compare => ({ ...eq(path, literal), operator: op }));
const tail = fc.oneof(
  fc
    .tuple(name, operator, value)
    .map(([sub, op, literal]): Compare => ({ ...eq(sub, literal), operator: op })),
  name.map((sub) => pr(sub)),
);

/** Filters as clients could mean them; `inBrackets` leaves out value paths (errata 4690, 7322). */
function filters(inBrackets: boolean): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => {
    const several = fc.array(tie('filter'), { minLength: 2, maxLength: 4 });
    const leaves: fc.Arbitrary<Filter>[] = [compare, attrPath.map((path) => pr(path))];
    if (!inBrackets) {
      leaves.push(
        fc
          .tuple(attrPath, bracketed, fc.option(tail))
          .map(([path, inner, last]) => valuePath(path, inner, last ?? undefined)),
      );
    }
    return {
      filter: fc.oneof(
        { maxDepth: 4 },
        ...leaves,
        several.map((parts) => and(...parts)),
        several.map((parts) => or(...parts)),
        tie('filter').map((inner) => not(inner)),
      ),
    };
  }).filter;
}
const bracketed = filters(true);
const filter = filters(false);

/** Writes a filter as no one should: random letter case, white space and parentheses. `next` gives the dice. */
function sloppily(node: Filter, next: () => number): string {
  const space = () => [' ', '  ', '\t', '\r\n'][next() % 4]!;
  const maybe = () => (next() % 3 === 0 ? space() : '');
  const shout = (word: string) => (next() % 2 === 0 ? word.toUpperCase() : word);
  const write = (inner: Filter): string => {
    const plain = writePlain(inner);
    return next() % 4 === 0 ? `(${maybe()}${plain}${maybe()})` : plain;
  };
  const writePlain = (inner: Filter): string => {
    switch (inner.type) {
      case 'present':
        return `${stringify(inner.attrPath)}${space()}${shout('pr')}`;
      case 'compare': {
        const literal = typeof inner.value === 'string' ? inner.raw : shout(inner.raw);
        const gap = typeof inner.value === 'string' ? maybe() : space();
        return `${stringify(inner.attrPath)}${space()}${shout(inner.operator)}${gap}${literal}`;
      }
      case 'not':
        return `${shout('not')}${maybe()}(${maybe()}${write(inner.filter)}${maybe()})`;
      case 'and':
        return inner.filters
          .map((part) => (part.type === 'or' ? `(${write(part)})` : write(part)))
          .join(`${space()}${shout('and')}${space()}`);
      case 'or':
        return inner.filters.map(write).join(`${space()}${shout('or')}${space()}`);
      case 'valuePath': {
        const selected = `${stringify(inner.attrPath)}${maybe()}[${maybe()}${write(inner.filter)}${maybe()}]`;
        if (inner.subAttr === undefined) return selected;
        if (inner.operator === 'pr') return `${selected}.${inner.subAttr}${space()}${shout('pr')}`;
        return `${selected}.${inner.subAttr}${space()}${shout(inner.operator!)}${space()}${inner.raw}`;
      }
    }
  };
  return maybe() + write(node) + maybe();
}

const limits = { characters: Number.POSITIVE_INFINITY, terms: Number.POSITIVE_INFINITY, depth: 256 };

describe('parse and stringify are inverse', () => {
  test('on every filter that the builders make', () => {
    fc.assert(
      fc.property(filter, (tree) => {
        const written = stringify(tree);
        const read = parseFilter(written, { limits });
        assert.deepEqual(withoutRanges(read), withoutRanges(tree));
        assert.equal(stringify(read), written);
      }),
      { numRuns: 1000 },
    );
  });

  test('whatever the letter case, white space and redundant parentheses', () => {
    fc.assert(
      fc.property(filter, fc.infiniteStream(fc.nat(1000)), (tree, dice) => {
        const written = sloppily(tree, () => dice.next().value as number);
        const read = parseFilter(written, { limits });
        assert.deepEqual(lowerRaw(withoutRanges(read)), lowerRaw(withoutRanges(tree)), written);
      }),
      { numRuns: 1000 },
    );
  });

  test('on PATCH paths', () => {
    fc.assert(
      fc.property(attrPath, fc.option(bracketed), fc.option(name), (path, selector, sub) => {
        // A sub-attribute has none of its own.
        fc.pre(selector !== null || sub === null || parseAttrPath(path).subAttr === undefined);
        const tree = patchPath(path, selector ?? undefined, sub ?? undefined);
        assert.deepEqual(withoutRanges(parsePath(stringify(tree), { limits })), withoutRanges(tree));
      }),
      { numRuns: 500 },
    );
  });
});

/** A number's exponent may be written `E`: the sloppy writer does, and `raw` keeps it. */
function lowerRaw(tree: unknown): unknown {
  return JSON.parse(JSON.stringify(tree), (key, inner) =>
    key === 'raw' && !inner.startsWith('"') ? inner.toLowerCase() : inner,
  );
}

describe('ranges', () => {
  test('the text in the range of a node is the text of that node', () => {
    fc.assert(
      fc.property(filter, (tree) => {
        const written = stringify(tree);
        walk(parseFilter(written, { limits }), {
          attrPath: (node) => assert.equal(written.slice(...node.range), stringify(node)),
          compare: same,
          present: same,
          not: same,
          and: same,
          or: same,
          valuePath: same,
        });
        function same(node: Node): void {
          const part = parseFilter(written.slice(...node.range), { limits });
          assert.deepEqual(withoutRanges(part), withoutRanges(node));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('literals are those of JSON (RFC 8259)', () => {
  const decoded = (raw: string): unknown => {
    try {
      return JSON.parse(raw);
    } catch {
      return undefined;
    }
  };

  test('strings: what JSON.parse takes, less NUL and unpaired surrogates', () => {
    const piece = fc.constantFrom(
      '\\',
      '"',
      'u',
      '0',
      'D',
      '8',
      'c',
      '\\ud83d',
      '\\ude00',
      '\\u',
      'n',
      '\n',
      ' ',
      'é',
      '😀',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const raw = `"${pieces.join('')}"`;
        const expected = decoded(raw);
        const result = safeParseFilter(`a eq ${raw}`);
        const isFine = typeof expected === 'string' && expected.isWellFormed() && !expected.includes('\0');
        assert.equal(result.ok, isFine, raw);
        if (result.ok) assert.ok(result.filter.type === 'compare' && result.filter.value === expected);
      }),
      { numRuns: 5000 },
    );
  });

  test('numbers: what JSON.parse takes, if it is finite', () => {
    const piece = fc.constantFrom('0', '1', '9', '99999', '.', '-', '+', 'e', 'E', 'e9');
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const raw = pieces.join('');
        const expected = decoded(raw);
        const result = safeParseFilter(`a eq ${raw}`);
        assert.equal(result.ok, typeof expected === 'number' && Number.isFinite(expected), raw);
        if (result.ok)
          assert.ok(result.filter.type === 'compare' && result.filter.value === (expected as number) + 0);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('any text is a tree or a ScimFilterError', () => {
  const garbage = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom(...'a1$.:[]()"\\ \t\'=!&|-_é\ud83d\u0000', 'not', 'and', 'eq', 'pr', 'urn:x:'), {
        maxLength: 20,
      })
      .map((parts) => parts.join('')),
    fc.tuple(filter.map(stringify), fc.nat(), fc.string({ maxLength: 2 })).map(([written, at, inserted]) => {
      const place = at % (written.length + 1);
      return written.slice(0, place) + inserted + written.slice(place + (at % 3));
    }),
  );

  test('whose range lies in the text and whose message is well-formed', () => {
    fc.assert(
      fc.property(garbage, (input) => {
        for (const result of [safeParseFilter(input, { limits }), safeParsePath(input, { limits })]) {
          if (result.ok) continue;
          const { error } = result;
          assert.ok(error instanceof ScimFilterError);
          assert.ok(error.offset >= 0 && error.length >= 0 && error.offset + error.length <= input.length);
          assert.ok(error.message.isWellFormed() && error.message.length < 1000);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
