/** The texts of a document that an index for `co` has (setting `containsIndex`). */
import { keyOf } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { Document } from '../store.ts';

/** Between two texts: a piece that spans it is found too often, but never too rarely. */
const separator = '\u0001';

/** The texts of a document as one; of the members `names` alone if they are given. */
export type IndexedText = (document: Document, names?: Iterable<string>) => string;

/** Compiles the function that collects the texts of these attributes. */
export function compileIndexedText(attributes: readonly Attribute[]): IndexedText {
  const parts = attributes.map((attribute) => {
    const steps = [attribute.extension, attribute.parent?.name, attribute.name].filter(
      (step) => step !== undefined,
    );
    return { attribute, steps, member: steps[0] as string };
  });
  return (document, names) => {
    const only = names === undefined ? undefined : new Set(names);
    const texts: string[] = [];
    for (const { attribute, steps, member } of parts)
      if (only === undefined || only.has(member)) collect(document, steps, attribute, texts);
    return texts.join(separator);
  };
}

function collect(value: unknown, steps: readonly string[], attribute: Attribute, texts: string[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, steps, attribute, texts);
    return;
  }
  const [step, ...rest] = steps;
  if (step === undefined) {
    const key = keyOf(attribute, value);
    if (typeof key === 'string' && key !== '') texts.push(key);
  } else if (typeof value === 'object' && value !== null) {
    collect((value as Readonly<Record<string, unknown>>)[step], rest, attribute, texts);
  }
}
