/** The pages' Markdown, by topic. Bundling replaces this module by the pages. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./', import.meta.url);

export const texts: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => [file.slice(0, -'.md'.length), readFileSync(new URL(file, folder), 'utf8')]),
);
