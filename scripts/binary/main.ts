/**
 * The start of a binary: the program, with the code that V8 made of it while the binary was built. V8 looks at it by
 * itself, and compiles the program anew where the code is of another version, another processor or other flags.
 */
import { openSync, readSync } from 'node:fs';
import sea from 'node:sea';
import { constants, Script } from 'node:vm';

/** Name, first byte and length of each asset in this file (places.ts), or none of them. */
declare const assetPlaces: string;

const places = new Map(
  assetPlaces.split(',').map((each) => {
    const [name = '', at, length] = each.split(' ');
    return [name, { at: Number(at), length: Number(length) }] as const;
  }),
);

let file: number | undefined;
/** For one after the other: a new page of memory costs more than what is read into it. */
const room = new ArrayBuffer(0, {
  maxByteLength: Math.max(0, ...[...places.values()].map(({ length }) => length)),
});

/** Undefined where the system does not show it, or may run it and not read it. */
function openItself(): number | undefined {
  try {
    return openSync('/proc/self/exe', 'r');
  } catch {
    return undefined;
  }
}

/** Is there until the next one is asked for; `resize(0)` gives its memory back. */
function assetBytes(name: string): ArrayBuffer {
  const place = places.get(name);
  file ??= openItself();
  if (place === undefined || file === undefined) return sea.getRawAsset(name) as ArrayBuffer;
  const { at, length } = place;
  room.resize(length);
  for (let read = 0; read < length; ) {
    const more = readSync(file, new Uint8Array(room, read), 0, length - read, at + read);
    if (more === 0) throw new Error(`${name} is not in the file of this program`);
    read += more;
  }
  return room;
}

function assetText(name: string, encoding: BufferEncoding): string {
  const text = Buffer.from(assetBytes(name)).toString(encoding);
  room.resize(0);
  return text;
}

/** One of the two programs (program.ts). */
function program(name: 'scimd' | 'apart'): unknown {
  const filename = `${name}.cjs`;
  const source = Buffer.from(assetBytes(filename)).toString('latin1');
  const code = Buffer.from(assetBytes(`${name}.code`));
  const script = new Script(source, {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(code.length === 0 ? {} : { cachedData: code }),
  });
  return script.runInThisContext();
}

const assets = { ...sea, getRawAsset: assetBytes, getAsset: assetText };
const start = program('scimd') as (required: (name: string) => unknown) => void;
start((name) => (name === 'node:sea' ? assets : name === 'apart:' ? program('apart') : require(name)));
