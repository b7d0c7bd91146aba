/** What is worth telling an operator when a store is opened under another configuration than before. */
export type OpeningNotice =
  /** Rows of a type are built anew from the documents: `done` of `total`, first with what earlier starts did. */
  | { readonly kind: 'rebuilding'; readonly type: string; readonly done: number; readonly total: number }
  | { readonly kind: 'rebuilt'; readonly type: string; readonly resources: number }
  /**
   * Resources that do not keep a rule of the schema, by what is the matter with which attribute: a required value is
   * missing, a value that is not of the attribute's form was quarantined, values of an attribute that the schema does
   * not have any more were quarantined. `ids` are the first of them.
   */
  | {
      readonly kind: 'missing' | 'invalid' | 'unknown';
      readonly type: string;
      readonly path: string;
      readonly resources: number;
      readonly ids: readonly string[];
    }
  /** Resources of a type that is not configured: kept, but not served. */
  | { readonly kind: 'unserved'; readonly type: string; readonly resources: number }
  /** PostgreSQL has no index for `co`, and why: lists are the same, and slower. */
  | { readonly kind: 'no-contains-index'; readonly reason: string };
