/** Which operations of a bulk request can run now, given which must come first. */
export class BulkSchedule {
  readonly #waiting: Set<number>;
  readonly #after: readonly ReadonlySet<number>[];
  /** How many that must come first have not run yet, for each operation. */
  readonly #missing: number[];
  /** For each operation, the ones that wait for it. */
  readonly #dependents: readonly number[][];
  #ready: number[];

  /** `after[i]` holds the indexes of the operations that must run before operation i. */
  constructor(after: readonly ReadonlySet<number>[]) {
    this.#after = after;
    this.#waiting = new Set(after.keys());
    this.#missing = after.map((before) => before.size);
    this.#dependents = after.map(() => []);
    after.forEach((before, index) => {
      for (const earlier of before) this.#dependents[earlier]?.push(index);
    });
    this.#ready = [...this.#waiting].filter((index) => this.#missing[index] === 0);
  }

  get isDone(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Operations that can run together, in the order of the request, at most `room` of them. When all that is left
   * waits for something, it is a circle that waits for nothing but itself, which runs as a whole.
   */
  next(room: number): { readonly indexes: readonly number[]; readonly isCircle: boolean } {
    const isCircle = this.#ready.length === 0;
    const indexes = isCircle ? this.#circle() : this.#ready.sort((a, b) => a - b).splice(0, room);
    for (const index of indexes) this.#waiting.delete(index);
    return { indexes: [...indexes].sort((a, b) => a - b), isCircle };
  }

  /** These have run, so others may. */
  settle(indexes: readonly number[]): void {
    for (const index of indexes) {
      for (const dependent of this.#dependents[index] ?? []) {
        const left = (this.#missing[dependent] ?? 0) - 1;
        this.#missing[dependent] = left;
        if (left === 0 && this.#waiting.has(dependent)) this.#ready.push(dependent);
      }
    }
  }

  /** The first strongly connected component that Tarjan's algorithm completes: nothing leads out of it. */
  #circle(): readonly number[] {
    const low = new Map<number, number>();
    const path: number[] = [];
    const frames: { node: number; order: number; edges: Iterator<number> }[] = [];
    const order = new Map<number, number>();
    const enter = (node: number): void => {
      const edges = (this.#after[node] as ReadonlySet<number>).values();
      order.set(node, path.length);
      low.set(node, path.length);
      frames.push({ node, order: path.length, edges });
      path.push(node);
    };
    const lower = (node: number, to: number): void => {
      low.set(node, Math.min(low.get(node) as number, to));
    };
    for (const first of this.#waiting) {
      enter(first);
      break;
    }
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const { value, done } = frame.edges.next();
      if (done !== true) {
        if (!this.#waiting.has(value)) continue;
        const met = order.get(value);
        if (met === undefined) enter(value);
        else lower(frame.node, met);
        continue;
      }
      if (low.get(frame.node) === frame.order) return path.slice(frame.order);
      frames.pop();
      lower((frames.at(-1) as { node: number }).node, low.get(frame.node) as number);
    }
    return [];
  }
}
