export type {
  And,
  AttrPath,
  Compare,
  CompareOperator,
  CompareValue,
  Filter,
  Node,
  Not,
  Or,
  PatchPath,
  Present,
  Range,
  ValuePath,
} from './ast.ts';
export { parseAttrPath } from './attr-path.ts';
export {
  type AttrPathLike,
  and,
  co,
  eq,
  ew,
  ge,
  gt,
  le,
  lt,
  ne,
  not,
  or,
  patchPath,
  pr,
  sw,
  valuePath,
} from './build.ts';
export {
  type FilterErrorBody,
  type FilterScimType,
  ScimFilterError,
  type ScimFilterErrorInit,
  type SyntaxErrorCode,
} from './error.ts';
export { DEFAULT_LIMITS, type Limits, type ParseOptions } from './limits.ts';
export {
  parseFilter,
  parsePath,
  type SafeFilter,
  type SafePath,
  safeParseFilter,
  safeParsePath,
} from './parse.ts';
export { stringify } from './print.ts';
export { attrPaths, type Visitor, walk } from './visit.ts';
