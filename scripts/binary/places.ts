/**
 * Where the assets stand in an executable. Node.js maps the executable into memory, and the system counts what is read of it
 * there to the process for as long as it runs: main.ts reads them from the file.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** What main.ts has in their place until the executable is made: as long as what becomes of it. */
export const noPlaces: string = `places:${' '.repeat(600)}`;

/** Writes them into the executable: for each asset its name, its first byte and its length. */
export function notePlaces(executable: string, assets: Readonly<Record<string, string>>): void {
  const content = readFileSync(executable);
  const lines = Object.entries(assets).map(([name, file]) => {
    const asset = readFileSync(file);
    const at = content.indexOf(asset);
    if (at < 0) throw new Error(`${name} is not in ${executable}`);
    return `${name} ${at} ${asset.length}`;
  });
  const text = lines.join(',');
  const mark = content.indexOf(noPlaces);
  if (mark < 0 || text.length > noPlaces.length) throw new Error('there is no room for the places of assets');
  content.write(text.padEnd(noPlaces.length), mark, 'latin1');
  writeFileSync(executable, content);
}
