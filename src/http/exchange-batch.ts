/**
 * Exchanges on their way to the log's thread: one text with all that they say, and numbers that tell how long each part of it
 * is. Of objects each name and each short text would be written and read by itself, and the thread would have all of them in
 * its small heap. Shown by the workload `patch` of npm run bench.
 */
import type { RawExchange } from './exchange-entry.ts';

type Asker = Pick<RawExchange, 'tenant' | 'token' | 'tokenName' | 'idp' | 'refused' | 'agent'>;

export interface ExchangeBatch {
  readonly count: number;
  /** Who asked, each of them once. */
  readonly askers: readonly Asker[];
  /** Methods, routes and tolerances, each once. */
  readonly words: readonly string[];
  readonly numbers: Float64Array;
  /** Outside of V8's heap. */
  readonly text: Uint8Array;
  readonly encoding: 'latin1' | 'utf16le';
}

/** Numbers of one exchange. */
const width = 14;
/** Stands for the length of a text that is not there. */
const absent = -1;

export function packed(exchanges: readonly RawExchange[]): ExchangeBatch {
  const askers: Asker[] = [];
  const askerOfToken = new Map<string | undefined, number>();
  const words: string[] = [];
  const numberOfWord = new Map<string, number>();
  const numbers = new Float64Array(exchanges.length * width);
  const texts: string[] = [];
  let next = 0;
  const putWord = (word: string): void => {
    let number = numberOfWord.get(word);
    if (number === undefined) {
      number = words.push(word) - 1;
      numberOfWord.set(word, number);
    }
    numbers[next++] = number;
  };
  const put = (text: string | undefined): void => {
    if (text !== undefined) texts.push(text);
    numbers[next++] = text?.length ?? absent;
  };
  for (const each of exchanges) {
    const { token, tolerances } = each;
    let asker = askerOfToken.get(token);
    if (asker === undefined || !isSame(askers[asker] as Asker, each)) {
      const { tenant, tokenName, idp, refused, agent } = each;
      asker = askers.push({ tenant, token, tokenName, idp, refused, agent }) - 1;
      askerOfToken.set(token, asker);
    }
    numbers[next++] = asker;
    putWord(each.method);
    putWord(each.route);
    putWord(tolerances.length === 0 ? '' : tolerances.join(' '));
    numbers[next++] = each.at;
    numbers[next++] = each.status;
    numbers[next++] = each.milliseconds;
    numbers[next++] = each.sentLength;
    numbers[next++] = each.isBrief === true ? (each.alike ?? 0) : absent;
    put(each.path);
    put(each.search);
    put(each.requestId);
    put(each.sent);
    put(each.answered);
  }
  const text = texts.join('');
  // What is ASCII has a byte for each character, as most have; else each has two.
  const isAscii = Buffer.byteLength(text) === text.length;
  const encoding = isAscii ? 'latin1' : 'utf16le';
  const bytes = Buffer.allocUnsafeSlow(isAscii ? text.length : 2 * text.length);
  bytes.write(text, encoding);
  return { count: exchanges.length, askers, words, numbers, text: bytes, encoding };
}

function isSame(a: Asker, b: Asker): boolean {
  return (
    a.token === b.token &&
    a.tenant === b.tenant &&
    a.tokenName === b.tokenName &&
    a.idp === b.idp &&
    a.refused === b.refused &&
    a.agent === b.agent
  );
}

/** One by one: those that come later are no objects yet. */
export function* unpacked(batch: ExchangeBatch): Generator<RawExchange> {
  const { count, askers, words, numbers, encoding } = batch;
  const { buffer, byteOffset, byteLength } = batch.text;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const bytesEach = encoding === 'latin1' ? 1 : 2;
  const number = (index: number): number => numbers[index] as number;
  const word = (index: number): string => words[number(index)] as string;
  let begin = 0;
  for (let first = 0; first < count * width; first += width) {
    const ofPath = number(first + 9);
    const ofSearch = number(first + 10);
    const ofId = number(first + 11);
    const ofSent = number(first + 12);
    const ofAnswered = number(first + 13);
    const atId = ofPath + ofSearch;
    const atSent = atId + ofId;
    const atAnswered = atSent + Math.max(ofSent, 0);
    const length = atAnswered + Math.max(ofAnswered, 0);
    const text = bytes.toString(encoding, begin, begin + length * bytesEach);
    begin += length * bytesEach;
    const { tenant, token, tokenName, idp, refused, agent } = askers[number(first)] as Asker;
    const used = word(first + 3);
    const brief = number(first + 8);
    yield {
      at: number(first + 4),
      ...{ tenant, token, tokenName, idp, refused, agent },
      method: word(first + 1),
      path: text.slice(0, ofPath),
      search: text.slice(ofPath, atId),
      status: number(first + 5),
      milliseconds: number(first + 6),
      tolerances: used === '' ? [] : used.split(' '),
      requestId: text.slice(atId, atSent),
      route: word(first + 2),
      sent: ofSent === absent ? undefined : text.slice(atSent, atAnswered),
      sentLength: number(first + 7),
      answered: ofAnswered === absent ? undefined : text.slice(atAnswered),
      isBrief: brief !== absent,
      alike: brief > 0 ? brief : undefined,
    };
  }
}
