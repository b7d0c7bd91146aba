import type { Range } from './ast.ts';
import { caretFrame } from './frame.ts';

/** The `scimType` of a refused filter or PATCH path (RFC 7644 §3.12 table 9). */
export type FilterScimType = 'invalidFilter' | 'invalidPath';

/**
 * What the grammar (RFC 7644 §3.4.2.2, §3.5.2) refuses, as stable codes. Errors of later stages bring codes of their
 * own.
 */
export type SyntaxErrorCode =
  | 'empty'
  | 'tooLong'
  | 'tooDeep'
  | 'tooManyTerms'
  | 'unexpectedToken'
  | 'unexpectedEnd'
  | 'unknownOperator'
  | 'invalidName'
  | 'nestedValuePath'
  | 'unquotedString'
  | 'invalidNumber'
  | 'numberOutOfRange'
  | 'unterminatedString'
  | 'invalidEscape'
  | 'controlCharacter'
  | 'loneSurrogate'
  | 'nul';

/** What {@link ScimFilterError} (RFC 7644 §3.12) is made from. */
export interface ScimFilterErrorInit {
  /** Default `invalidFilter`. */
  readonly scimType?: FilterScimType;
  /** A {@link SyntaxErrorCode}, or a stable code of the stage that refuses the node (`unknownAttribute`, …). */
  readonly code: SyntaxErrorCode | (string & {});
  /** One sentence without its full stop and without the position. */
  readonly detail: string;
  /** The offending part, usually the `range` of a node. Left out, or without `source`, there is no frame. */
  readonly range?: Range;
  /** The text that was parsed. */
  readonly source?: string;
  /** What could stand there instead, in words. */
  readonly expected?: readonly string[];
  /** One or two sentences that help with a usual mistake. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What `toJSON()` of {@link ScimFilterError} answers: a SCIM error message (RFC 7644 §3.12). */
export interface FilterErrorBody {
  readonly schemas: readonly ['urn:ietf:params:scim:api:messages:2.0:Error'];
  readonly status: '400';
  readonly scimType: FilterScimType;
  readonly detail: string;
}

/**
 * A filter or PATCH path that is refused: HTTP 400 with `scimType` `invalidFilter` or `invalidPath`
 * (RFC 7644 §3.4.2.2, §3.5.2, §3.12). `message` is the whole story for a person: detail, position, what was
 * expected, the line with carets under the offending part, and a hint.
 */
export class ScimFilterError extends Error {
  override readonly name = 'ScimFilterError';
  readonly scimType: FilterScimType;
  /** Stable, for programs. */
  readonly code: SyntaxErrorCode | (string & {});
  /** One sentence, without position. */
  readonly detail: string;
  /** Start of the offending part in UTF-16 code units, from 0. */
  readonly offset: number;
  /** Its length in UTF-16 code units; 0 where something is missing. */
  readonly length: number;
  /** What could stand there instead, in words; empty where nothing would help. */
  readonly expected: readonly string[];
  readonly hint: string | undefined;
  /** The line, cut to a window, and below it carets under the offending part; empty without source text. */
  readonly frame: string;

  constructor(init: ScimFilterErrorInit) {
    const { source, range, expected = [], hint } = init;
    const frame = source && range ? caretFrame(source, range) : '';
    const position = frame === '' ? '' : ` (character ${range![0] + 1})`;
    const wanted = expected.length === 0 ? '' : ` Expected ${list(expected)}.`;
    const parts = [`${init.detail}${position}.${wanted}`];
    if (frame !== '') parts.push(frame);
    if (hint !== undefined) parts.push(hint);
    super(parts.join('\n'), init.cause === undefined ? undefined : { cause: init.cause });
    this.scimType = init.scimType ?? 'invalidFilter';
    this.code = init.code;
    this.detail = init.detail;
    this.offset = range?.[0] ?? 0;
    this.length = range === undefined ? 0 : range[1] - range[0];
    this.expected = expected;
    this.hint = hint;
    this.frame = frame;
  }

  /** The SCIM error message (RFC 7644 §3.12); `detail` is the whole `message`, with position and caret frame. */
  toJSON(): FilterErrorBody {
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '400',
      scimType: this.scimType,
      detail: this.message,
    };
  }
}

function list(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}
