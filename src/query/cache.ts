import type { ResourceType } from '../scim/registry.ts';

/** Texts beyond this are parsed every time: a client must not be able to fill the memory with filters. */
const LONGEST = 1024;

/**
 * What was made of filter texts, by text and resource type, so that a program that asks the same again and again pays for
 * one map access. It keeps between `limit` and twice as many: entries live in two generations, and those not
 * asked for while a generation filled up are dropped with it. Shown by npm run bench:filter.
 */
export class FilterCache<T extends object> {
  readonly #limit: number;
  readonly #types = new WeakMap<ResourceType, Generations<T>>();
  #latest: { readonly type: ResourceType; readonly generations: Generations<T> } | undefined;

  constructor(limit = 512) {
    this.#limit = limit;
  }

  /** What `make` made of this text before, or makes of it now, with the same context. What throws is not kept. */
  get<Context = undefined>(
    type: ResourceType,
    text: string,
    make: (text: string, context: Context) => T,
    context?: Context,
  ): T {
    const generations = this.#latest?.type === type ? this.#latest.generations : this.#generationsOf(type);
    const young = generations.young.get(text);
    if (young !== undefined) return young;
    const made = generations.old.get(text) ?? make(text, context as Context);
    if (text.length > LONGEST) return made;
    if (generations.young.size >= this.#limit) {
      generations.old = generations.young;
      generations.young = new Map();
    }
    generations.young.set(text, made);
    return made;
  }

  /** A map of weak keys takes ten times what a comparison takes, and most programs have one resource type. */
  #generationsOf(type: ResourceType): Generations<T> {
    let generations = this.#types.get(type);
    if (generations === undefined) {
      generations = { young: new Map(), old: new Map() };
      this.#types.set(type, generations);
    }
    this.#latest = { type, generations };
    return generations;
  }
}

interface Generations<T extends object> {
  young: Map<string, T>;
  old: Map<string, T>;
}
