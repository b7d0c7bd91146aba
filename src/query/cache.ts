import type { ResourceType } from '../scim/registry.ts';

/** Texts beyond this are parsed every time: a client must not be able to fill the memory with filters. */
const LONGEST = 1024;

/**
 * What was made of filter texts, by text and resource type, so that the repeated look-up of an identity provider
 * costs one map access. It keeps between `limit` and twice as many: entries live in two generations, and those not
 * asked for while a generation filled up are dropped with it.
 */
export class FilterCache<T extends object> {
  private readonly limit: number;
  private readonly types = new WeakMap<ResourceType, Generations<T>>();

  constructor(limit = 512) {
    this.limit = limit;
  }

  /** What `make` made of this text before, or makes of it now. What throws is not kept. */
  get(type: ResourceType, text: string, make: (text: string) => T): T {
    let generations = this.types.get(type);
    if (generations === undefined) {
      generations = { young: new Map(), old: new Map() };
      this.types.set(type, generations);
    }
    const young = generations.young.get(text);
    if (young !== undefined) return young;
    const made = generations.old.get(text) ?? make(text);
    if (text.length > LONGEST) return made;
    if (generations.young.size >= this.limit) {
      generations.old = generations.young;
      generations.young = new Map();
    }
    generations.young.set(text, made);
    return made;
  }
}

interface Generations<T extends object> {
  young: Map<string, T>;
  old: Map<string, T>;
}
