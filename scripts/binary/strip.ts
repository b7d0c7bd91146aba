/**
 * Removes from an ELF executable what no program needs that runs: symbols and what debuggers read, 18 MB of Node.js. By
 * ourselves, since `strip` knows the processors only that it was built for.
 */
const SHF_ALLOC = 2n;
const SHT_NOBITS = 8;

interface Section {
  readonly header: Buffer;
  readonly isLoaded: boolean;
  /** Where its content ends in the file. */
  readonly end: number;
}

/** @throws Error where it is no 64-bit little-endian ELF, or one whose loaded sections do not stand before the others. */
export function stripped(file: Buffer): Buffer {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    throw new Error('no 64-bit little-endian ELF');
  const [at, size, number] = [
    Number(file.readBigUInt64LE(0x28)),
    file.readUInt16LE(0x3a),
    file.readUInt16LE(0x3c),
  ];
  const sections = Array.from({ length: number }, (_, index): Section => {
    const header = Buffer.from(file.subarray(at + index * size, at + (index + 1) * size));
    const isLoaded = index === 0 || (header.readBigUInt64LE(8) & SHF_ALLOC) !== 0n;
    const length = header.readUInt32LE(4) === SHT_NOBITS ? 0 : Number(header.readBigUInt64LE(32));
    return { header, isLoaded, end: Number(header.readBigUInt64LE(24)) + length };
  });
  const loaded = sections.filter(({ isLoaded }) => isLoaded);
  // Others name them by their numbers.
  if (loaded.length === number || loaded.some((section, index) => section !== sections[index]))
    throw new Error('the loaded sections do not come first');
  const end = Math.max(...loaded.map((section) => section.end), endOfSegments(file));
  const names = sections[file.readUInt16LE(0x3e)]?.header;
  if (names === undefined) throw new Error('sections without names');
  const from = Number(names.readBigUInt64LE(24));
  const texts = file.subarray(from, from + Number(names.readBigUInt64LE(32)));
  names.writeBigUInt64LE(BigInt(end), 24);
  const table = (end + texts.length + 7) & ~7;
  const result = Buffer.alloc(table + (loaded.length + 1) * size);
  file.copy(result, 0, 0, end);
  texts.copy(result, end);
  [...loaded.map(({ header }) => header), names].forEach((header, index) => {
    header.copy(result, table + index * size);
  });
  result.writeBigUInt64LE(BigInt(table), 0x28);
  result.writeUInt16LE(loaded.length + 1, 0x3c);
  result.writeUInt16LE(loaded.length, 0x3e);
  return result;
}

/** The end of what is mapped into memory. */
function endOfSegments(file: Buffer): number {
  const [at, size, number] = [
    Number(file.readBigUInt64LE(0x20)),
    file.readUInt16LE(0x36),
    file.readUInt16LE(0x38),
  ];
  const ends = Array.from({ length: number }, (_, index) => {
    const header = at + index * size;
    return Number(file.readBigUInt64LE(header + 8)) + Number(file.readBigUInt64LE(header + 32));
  });
  return Math.max(...ends);
}
