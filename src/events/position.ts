/**
 * Where a consumer is: `4812` is behind all events of change 4812, `4812.3` behind its first three units of several.
 * A change of a group with 10,000 members makes more events than one page holds, so a page may end within it.
 */
export interface Position {
  readonly sequence: number;
  /** Units of the change that are done; undefined: all. */
  readonly unit?: number | undefined;
}

export const start: Position = { sequence: 0 };

/** Undefined for what is no position. */
export function parsePosition(text: string): Position | undefined {
  const [, sequence, unit] = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (sequence === undefined) return undefined;
  return unit === undefined
    ? { sequence: Number(sequence) }
    : { sequence: Number(sequence), unit: Number(unit) };
}

export function positionText({ sequence, unit }: Position): string {
  return unit === undefined ? String(sequence) : `${sequence}.${unit}`;
}

/** Less than 0 if `a` is before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.sequence - b.sequence || (a.unit ?? Infinity) - (b.unit ?? Infinity) || 0;
}

/** The last position before a unit of a change. */
export function positionBefore(sequence: number, unit: number): Position {
  return unit === 0 ? { sequence: sequence - 1 } : { sequence, unit };
}
