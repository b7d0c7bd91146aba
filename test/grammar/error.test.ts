import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFilter, ScimFilterError, safeParseFilter, safeParsePath } from '../../grammar/index.ts';

function refusal(text: string): ScimFilterError {
  const result = safeParseFilter(text);
  assert.ok(!result.ok, `accepted: ${text}`);
  return result.error;
}

/** Each entry is a code and the whole message, whose second line is the filter. */
function messages(section: string, list: readonly (readonly [code: string, message: string])[]): void {
  describe(section, () => {
    for (const [code, message] of list) {
      const text = message.split('\n')[1]!.slice(2);
      test(text, () => {
        const error = refusal(text);
        assert.equal(error.message, message);
        assert.equal(error.code, code);
        assert.equal(error.scimType, 'invalidFilter');
      });
    }
  });
}

const OPERATOR = 'Expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)';
const VALUE = 'Expected a string in double quotes, a number, true, false or null.';
const TERM = 'Expected an attribute name, "not" or "(".';
const CONNECTIVE = 'Expected "and", "or" or the end of the filter.';

messages('Something is missing', [
  [
    'unexpectedEnd',
    `The filter ends too early (character 9). ${OPERATOR} or "[".
  userName
          ^`,
  ],
  [
    'unexpectedEnd',
    `The filter ends too early (character 12). ${VALUE}
  userName eq
             ^`,
  ],
  [
    'unexpectedEnd',
    `The filter ends too early (character 9). ${TERM}
  a pr and
          ^`,
  ],
  [
    'unexpectedEnd',
    `The filter ends too early (character 14). Expected "and", "or" or ")".
  (a pr or b pr
               ^
The parenthesis at character 1 is not closed.`,
  ],
  [
    'unexpectedEnd',
    `The filter ends too early (character 26). Expected "and", "or" or "]".
  a pr and (emails[value pr
                           ^
The bracket at character 17 is not closed.`,
  ],
  [
    'unexpectedEnd',
    `The filter ends too early (character 28). ${OPERATOR}.
  emails[type eq "a"].display
                             ^`,
  ],
  [
    'unexpectedToken',
    `Unexpected string "x" (character 4). ${OPERATOR} or "[".
  eq "x"
     ^^^
The attribute name before eq is missing.`,
  ],
  [
    'unexpectedToken',
    `Unexpected string "x" (character 10). ${OPERATOR} or "[".
  userName "x"
           ^^^
A comparison is written attribute, operator, value: userName eq "bjensen".`,
  ],
  [
    'unexpectedToken',
    `Unexpected "b" (character 6). ${CONNECTIVE}
  a pr b pr
       ^
Two expressions are joined by "and" or "or".`,
  ],
  [
    'unexpectedToken',
    `Unexpected ")" (character 2). ${TERM}
  ()
   ^`,
  ],
  [
    'unexpectedToken',
    `Unexpected "]" (character 12). ${OPERATOR}.
  emails[type]
             ^`,
  ],
  [
    'invalidName',
    `An attribute name is missing after "." (character 6). Expected an attribute name.
  name. pr
       ^`,
  ],
  [
    'invalidName',
    `An attribute name is missing after ":" (character 12). Expected an attribute name.
  urn:x:User: pr
             ^`,
  ],
]);

messages('Something is too much', [
  [
    'unexpectedToken',
    `Unexpected ")" (character 5). ${CONNECTIVE}
  a pr)
      ^
No parenthesis is open here.`,
  ],
  [
    'unexpectedToken',
    `Unexpected "]" (character 8). Expected "and", "or" or ")".
  (a eq 1])
         ^`,
  ],
  [
    'unexpectedToken',
    `Unexpected string "x" (character 6). ${CONNECTIVE}
  a pr "x"
       ^^^
"pr" takes no value.`,
  ],
  [
    'unexpectedToken',
    `Unexpected "[" (character 6). ${VALUE}
  a eq ["x", "y"]
       ^
A list is not a value: join several comparisons with "or".`,
  ],
  [
    'unexpectedToken',
    `Unexpected "pr" (character 20). ${CONNECTIVE}
  emails[type eq "a"]pr
                     ^^
A comparison stands in the brackets or behind a sub-attribute: emails[…].value pr.`,
  ],
  [
    'nestedValuePath',
    `A value path cannot stand inside the brackets of another (character 9).
  emails[a[b pr]]
          ^`,
  ],
  [
    'invalidName',
    `"a.b.c" is not an attribute name (character 4).
  a.b.c pr
     ^
A path has at most one sub-attribute: name.familyName.`,
  ],
  [
    'unexpectedToken',
    `Unexpected ".value" (character 17). ${CONNECTIVE}
  emails[type pr] .value pr
                  ^^^^^^
A sub-attribute follows the bracket directly, without a blank: emails[…].value.`,
  ],
]);

messages('The usual mistakes get a hint', [
  [
    'unknownOperator',
    `Unknown operator "=" (character 10). ${OPERATOR}.
  userName = "x"
           ^
Write eq instead of =.`,
  ],
  [
    'unknownOperator',
    `Unknown operator "==" (character 9). ${OPERATOR}.
  userName=="x"
          ^^
Write eq instead of ==.`,
  ],
  [
    'unknownOperator',
    `Unknown operator "!=" (character 10). ${OPERATOR}.
  userName != "x"
           ^^
Write ne instead of !=.`,
  ],
  [
    'unknownOperator',
    `Unknown operator ">=" (character 4). ${OPERATOR}.
  age>=5
     ^^
Write ge instead of >=.`,
  ],
  [
    'unknownOperator',
    `Unknown operator "like" (character 10). ${OPERATOR}.
  userName like "x"
           ^^^^
Write co instead of like.`,
  ],
  [
    'unknownOperator',
    `Unknown operator "matches" (character 10). ${OPERATOR}.
  userName matches "x"
           ^^^^^^^`,
  ],
  [
    'unknownOperator',
    `Unknown operator "=" (character 7). ${OPERATOR}.
  filter=userName eq "x"
        ^
Leave out the parameter name: the text is what follows "filter=".`,
  ],
  [
    'unexpectedToken',
    `Unexpected "&&" (character 6). ${CONNECTIVE}
  a pr && b pr
       ^^
Write "and" instead of &&.`,
  ],
  [
    'unexpectedToken',
    `Unexpected "||b" (character 6). ${CONNECTIVE}
  a pr ||b pr
       ^^^
Write "or" instead of ||.`,
  ],
  [
    'invalidName',
    `"!" is not an attribute name (character 1).
  !(a pr)
  ^
Write not (…) instead of !(…).`,
  ],
  [
    'unknownOperator',
    `Unknown operator "userName" (character 5). ${OPERATOR}.
  not userName eq "x"
      ^^^^^^^^
A negation needs parentheses: not (…).`,
  ],
  [
    'unknownOperator',
    `Unknown operator "b" (character 14). ${OPERATOR}.
  a pr and and b pr
               ^
"and" is read as an attribute name here.`,
  ],
  [
    'unquotedString',
    `"bjensen" is not a value (character 13). ${VALUE}
  userName eq bjensen
              ^^^^^^^
A string needs double quotes: "bjensen".`,
  ],
  [
    'unquotedString',
    `A string needs double quotes ("), not ' (character 13). ${VALUE}
  userName eq 'bjensen'
              ^^^^^^^^^
Write the string between plain double quotes.`,
  ],
  [
    'unquotedString',
    `A string needs double quotes ("), not “ (character 13). ${VALUE}
  userName eq “bjensen”
              ^^^^^^^^^
Write the string between plain double quotes.`,
  ],
  [
    'unterminatedString',
    `The string is not closed (character 13). Expected a closing double quote.
  userName eq "bjensen”
              ^^^^^^^^^
A string ends with a plain double quote (") and not with ”.`,
  ],
  [
    'unexpectedToken',
    `Unexpected "990" (character 13). ${CONNECTIVE}
  etag eq "W/"990""
              ^^^
A double quote inside a string is written \\".`,
  ],
  [
    'unterminatedString',
    `The string is not closed (character 9). Expected a closing double quote.
  a eq "x""
          ^
A double quote inside a string is written \\".`,
  ],
  [
    'invalidName',
    `"enterprise" is not a schema URI (character 1).
  enterprise:department pr
  ^^^^^^^^^^
An attribute of an extension is written with the whole URN: urn:…:User:employeeNumber.`,
  ],
]);

messages('RFC 8259: values that are not JSON', [
  [
    'invalidNumber',
    `"05" is not a valid JSON number (character 6). ${VALUE}
  x eq 05
       ^^
A string needs double quotes; a number is written like 18, -0.5 or 1e3.`,
  ],
  [
    'numberOutOfRange',
    `The number -1e999 is too large (character 6).
  x eq -1e999
       ^^^^^^`,
  ],
  [
    'invalidEscape',
    `"\\x" is not a valid JSON escape sequence (character 8).
  x eq "a\\x41"
         ^^
JSON escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits; a backslash is \\\\.`,
  ],
  [
    'invalidEscape',
    `"\\u12G" is not a valid JSON escape sequence (character 7).
  x eq "\\u12G4"
        ^^^^^
JSON escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits; a backslash is \\\\.`,
  ],
  [
    'nul',
    `A string cannot contain U+0000 (character 8).
  x eq "a\\u0000"
         ^^^^^^`,
  ],
  [
    'loneSurrogate',
    `An unpaired surrogate is not valid Unicode (character 7).
  x eq "\\ud83d\\u0041"
        ^^^^^^`,
  ],
  [
    'loneSurrogate',
    `An unpaired surrogate is not valid Unicode (character 8).
  x eq "a\\udc00"
         ^^^^^^`,
  ],
]);

describe('operators of other languages get the one that was meant', () => {
  const table: Readonly<Record<string, string>> = {
    eq: '= == === is equals',
    ne: '!= !== <> neq',
    gt: '>',
    ge: '>= gte',
    lt: '<',
    le: '<= lte',
    co: '~ =~ like LIKE contains',
    sw: 'startsWith',
    ew: 'endsWith',
    pr: 'present exists',
  };
  for (const [meant, words] of Object.entries(table)) {
    for (const word of words.split(' ')) {
      test(`${word} → ${meant}`, () => {
        assert.equal(refusal(`a ${word} "x"`).hint, `Write ${meant} instead of ${word}.`);
      });
    }
  }

  test('also where a name is expected', () => {
    assert.equal(refusal('&& a pr').hint, 'Write "and" instead of &&.');
    assert.equal(refusal('|| a pr').hint, 'Write "or" instead of ||.');
    assert.equal(
      refusal('a pr or .b pr').hint?.startsWith('A sub-attribute follows its attribute directly'),
      true,
    );
    assert.equal(refusal('\ufeffa pr').hint, 'The text starts with a byte order mark: leave it out.');
  });
});

describe('codes, one for each kind of mistake', () => {
  const table: Readonly<Record<string, string>> = {
    '': 'empty',
    ' \t\n': 'empty',
    'x eq 1.': 'invalidNumber',
    'x eq .5': 'invalidNumber',
    'x eq +1': 'invalidNumber',
    'x eq -': 'invalidNumber',
    'x eq 1e': 'invalidNumber',
    'x eq 1e+': 'invalidNumber',
    'x eq 0x10': 'invalidNumber',
    'x eq 1and y pr': 'invalidNumber',
    'x eq 1e400': 'numberOutOfRange',
    'x eq NaN': 'unquotedString',
    'x eq truee': 'unquotedString',
    'x eq user@example.com': 'unquotedString',
    'x eq `y`': 'unquotedString',
    'x eq "': 'unterminatedString',
    'x eq "\\': 'unterminatedString',
    'x eq "\\"': 'unterminatedString',
    'x eq "\\u00': 'invalidEscape',
    'x eq "\\\'"': 'invalidEscape',
    'x eq "\\U0041"': 'invalidEscape',
    'x eq "a\tb"': 'controlCharacter',
    'x eq "a\nb"': 'controlCharacter',
    'x eq "a\0b"': 'nul',
    'x eq "\ud800"': 'loneSurrogate',
    'x eq "\udc00\ud800"': 'loneSurrogate',
    'x eq "\\ud800\\\\udc00"': 'loneSurrogate',
    'x eq "\\ud800"': 'loneSurrogate',
    '_x pr': 'invalidName',
    '1x pr': 'invalidName',
    '-x pr': 'invalidName',
    '$ pr': 'invalidName',
    '$1 pr': 'invalidName',
    'a.1 pr': 'invalidName',
    'a..b pr': 'invalidName',
    '.a pr': 'invalidName',
    ':a pr': 'invalidName',
    'naïve pr': 'invalidName',
    'a:b pr': 'invalidName',
    'a::b pr': 'invalidName',
    '1urn:x:y pr': 'invalidName',
    'u/n:x:y pr': 'invalidName',
    'urn:ü:y pr': 'invalidName',
    'urn:x\\y:z pr': 'invalidName',
    '\ufeffa pr': 'invalidName',
    'a\u00a0pr': 'invalidName',
    'a\u3000pr': 'invalidName',
    'a\u000bpr': 'invalidName',
    '__proto__ pr': 'invalidName',
    'a __proto__ 1': 'unknownOperator',
    'a constructor 1': 'unknownOperator',
    'a e\u0071 1': 'ok',
    'a \u0005q 1': 'unknownOperator',
    'a prand b pr': 'unknownOperator',
    'a pr # comment': 'unexpectedToken',
    'a pr; b pr': 'unknownOperator',
    'a eq "x"; b pr': 'unexpectedToken',
    '"a" eq "b"': 'unexpectedToken',
    not: 'unexpectedEnd',
    'not (': 'unexpectedEnd',
    "a='urn:x:y' and b pr": 'unknownOperator',
    'a[b pr].c': 'unexpectedEnd',
    'a[b pr].c eq': 'unexpectedEnd',
    'a[b pr].c d 1': 'unknownOperator',
    'a[b pr].c.d pr': 'invalidName',
    'a[b pr].': 'invalidName',
    'a[b pr][c pr]': 'unexpectedToken',
    'a[b pr].c[d pr]': 'unexpectedToken',
    'a[(b pr]': 'unexpectedToken',
    'a(b pr)': 'unexpectedToken',
    '[a pr]': 'unexpectedToken',
    '.': 'invalidName',
  };
  for (const [text, code] of Object.entries(table)) {
    test(JSON.stringify(text), () => {
      const result = safeParseFilter(text);
      assert.equal(result.ok ? 'ok' : result.error.code, code);
    });
  }
});

describe('ScimFilterError', () => {
  test('is an Error with fields for programs', () => {
    const error = refusal('userName = "x"');
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'ScimFilterError');
    assert.equal(error.code, 'unknownOperator');
    assert.equal(error.detail, 'Unknown operator "="');
    assert.equal(error.offset, 9);
    assert.equal(error.length, 1);
    assert.deepEqual(error.expected, ['an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)']);
    assert.equal(error.hint, 'Write eq instead of =.');
    assert.equal(error.frame, '  userName = "x"\n           ^');
    assert.throws(() => parseFilter('userName = "x"'), error);
  });

  test('RFC 7644 §3.12: toJSON is the SCIM error message, with position and caret frame in its detail', () => {
    const result = safeParsePath('emails[type eq work]');
    assert.ok(!result.ok);
    assert.deepEqual(JSON.parse(JSON.stringify(result.error)), {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '400',
      scimType: 'invalidPath',
      detail: `"work" is not a value (character 16). ${VALUE}
  emails[type eq work]
                 ^^^^
A string needs double quotes: "work".`,
    });
  });

  test('the length is 0 where something is missing', () => {
    assert.deepEqual([refusal('a').offset, refusal('a').length], [1, 0]);
    assert.deepEqual([refusal('').offset, refusal('').length, refusal('').frame], [0, 0, '']);
  });

  test('serves later stages: the range of a node, with and without the source text', () => {
    const text = 'active eq true and nosuch pr';
    const filter = parseFilter(text);
    assert.ok(filter.type === 'and' && filter.filters[1]?.type === 'present');
    const { range } = filter.filters[1].attrPath;
    const init = { code: 'unknownAttribute', detail: 'User has no attribute "nosuch"', range };
    assert.equal(
      new ScimFilterError({ ...init, source: text }).message,
      `User has no attribute "nosuch" (character 20).
  active eq true and nosuch pr
                     ^^^^^^`,
    );
    const bare = new ScimFilterError({ ...init, scimType: 'invalidPath', cause: 'x' });
    assert.equal(bare.message, 'User has no attribute "nosuch".');
    assert.equal(bare.cause, 'x');
    assert.equal(bare.scimType, 'invalidPath');
    assert.deepEqual([bare.offset, bare.length, bare.frame, bare.hint], [19, 6, '', undefined]);
    assert.equal(new ScimFilterError({ code: 'x', detail: 'No place' }).offset, 0);
  });
});

describe('The caret frame', () => {
  const frame = (source: string, start: number, end: number) =>
    new ScimFilterError({ code: 'x', detail: 'x', range: [start, end], source }).frame;

  test('shows the line of the range only', () => {
    assert.equal(frame('a pr and\nb foo 1 and\r\nc pr', 11, 14), '  b foo 1 and\n    ^^^');
    assert.equal(frame('a pr\n', 5, 5), '  \n  ^');
  });

  test('cuts a long line to a window around the range', () => {
    const before = 'x'.repeat(200);
    assert.equal(
      frame(`${before} foo ${'y'.repeat(200)}`, 201, 204),
      `  …${'x'.repeat(23)} foo ${'y'.repeat(44)}…\n${' '.repeat(27)}^^^`,
    );
    assert.equal(frame(`${before} foo`, 201, 204), `  …${'x'.repeat(68)} foo\n${' '.repeat(72)}^^^`);
    assert.equal(frame(`foo ${before}`, 0, 3), `  foo ${'x'.repeat(68)}…\n  ^^^`);
    assert.equal(frame(before, 0, 200), `  ${'x'.repeat(72)}…\n  ${'^'.repeat(72)}`);
  });

  test('keeps one column for a pair of surrogates, a control character, an unpaired surrogate', () => {
    assert.equal(frame('😀 x', 3, 4), '  😀 x\n    ^');
    assert.equal(frame('\u001b[31m\t\0 x', 8, 9), '  ␛[31m ␀ x\n          ^');
    assert.equal(frame('\ud800\u202e\u007f x', 4, 5), '  \ufffd·· x\n      ^');
  });

  test('a message holds no control character and no unpaired surrogate of the text', () => {
    for (const text of [
      'a\u001b[31m pr',
      'a \u009b31m 1',
      'a eq \ud800',
      'a eq "x" \u202e',
      '\ud83d pr',
      '\ude00 pr',
    ]) {
      const { message } = refusal(text);
      assert.ok(message.isWellFormed(), JSON.stringify(message));
      assert.doesNotMatch(message, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    }
  });
});
