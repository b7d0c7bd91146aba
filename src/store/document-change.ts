/** How a document changes: from one whole to another, or in its text. */
import type { Difference } from '../scim/difference.ts';
import type { Document } from '../scim/document.ts';

export interface DocumentChange {
  readonly before: Document;
  readonly after: Document;
  readonly difference: Difference;
  /** Of a change that was made in the text; `before` and `after` are then made when they are asked for. */
  readonly inText?: TextChange | undefined;
}

export interface TextChange {
  /** The text of the document after the change, with its id in its place. */
  readonly body: string;
  /** Those members alone that differ. */
  readonly before: Document;
  readonly after: Document;
}
