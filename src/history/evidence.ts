/**
 * Reports as files that prove themselves: each says what was asked, as of which change, how many rows there are, who made
 * it with which version, and the SHA-256 of all of it; signed, nobody without the key can have made or changed it.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { columns as inColumns } from '../ops/terminal.ts';
import { EvidenceError, type ReportFormat, type Verified } from './evidence-form.ts';
import type { AsOf, Cell, Report } from './report.ts';

/** What a file says of itself, before its digest. */
export interface EvidenceHeader {
  /** The command that made it. */
  readonly query: string;
  readonly tenant: string;
  readonly asOf: AsOf;
  readonly rows: number;
  readonly summary: readonly string[];
  readonly author: string;
  /** RFC 3339 in UTC. */
  readonly made: string;
  /** Of scimd. */
  readonly version: string;
}

export interface Maker extends Pick<EvidenceHeader, 'query' | 'author' | 'version'> {
  readonly made?: Date;
  /** Signs the file. */
  readonly key?: KeyObject | undefined;
}

const firstLine = '# scimd evidence 1';

/** Reads an ed25519 private key: PEM, as `openssl genpkey -algorithm ed25519` writes it. @throws EvidenceError */
export function readSigningKey(pem: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), 'an ed25519 private key in PEM form');
}

/** Reads its public key. @throws EvidenceError */
export function readPublicKey(pem: string): KeyObject {
  return ed25519(() => createPublicKey(pem), 'an ed25519 public key in PEM form');
}

function ed25519(read: () => KeyObject, what: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // Told below.
  }
  if (key?.asymmetricKeyType !== 'ed25519') throw new EvidenceError(`is not ${what}`);
  return key;
}

/** The file. */
export function evidence<Row extends object>(
  report: Report<Row>,
  format: ReportFormat,
  { query, author, version, made = new Date(), key }: Maker,
): string {
  const { tenant, asOf, rows, summary } = report;
  const header: EvidenceHeader = {
    ...{ query, tenant, asOf, rows: rows.length, summary, author, made: made.toISOString(), version },
  };
  return format === 'json' ? jsonFile(header, report, key) : textFile(header, report, format, key);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** `ed25519`, the public key and the signature, in base 64. */
function signatureOver(text: string, key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url').toString('base64');
  return `ed25519 ${publicKey} ${sign(null, Buffer.from(text), key).toString('base64')}`;
}

function jsonFile<Row extends object>(
  header: EvidenceHeader,
  { rows }: Report<Row>,
  key: KeyObject | undefined,
): string {
  const text = JSON.stringify({ evidence: header, rows });
  const whole = {
    ...header,
    sha256: sha256(text),
    ...(key === undefined ? {} : { signature: signatureOver(text, key) }),
  };
  const lines = rows.map((row) => JSON.stringify(row)).join(',\n');
  return `{"evidence": ${JSON.stringify(whole, null, 2)},\n"rows": [\n${lines}\n]}\n`;
}

function textFile<Row extends object>(
  { query, tenant, asOf, rows, summary, author, made, version }: EvidenceHeader,
  report: Report<Row>,
  format: 'table' | 'csv',
  key: KeyObject | undefined,
): string {
  const head = [
    firstLine,
    ...[
      ['query', query],
      ['tenant', tenant],
      ['as of', `change ${asOf.sequence}${asOf.at === undefined ? '' : `, ${asOf.at}`}`],
      ...(asOf.link === undefined ? [] : [['link', asOf.link]]),
      ['rows', String(rows)],
      ...summary.map((text) => ['summary', text]),
      ['author', author],
      ['made', made],
      ['version', version],
      ['format', format],
    ].map(([name, value]) => `# ${name}: ${oneLine(value ?? '')}`),
  ];
  const body = format === 'csv' ? csvOf(report) : tableOf(report);
  const text = [...head, ...body, ''].join('\n');
  const proof = [
    `# sha256: ${sha256(text)}`,
    ...(key === undefined ? [] : [`# signature: ${signatureOver(text, key)}`]),
  ];
  return [...head, ...proof, ...body, ''].join('\n');
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}

function cellsOf<Row extends object>({ columns, rows }: Report<Row>): Cell[][] {
  return rows.map((row) => columns.map((name) => row[name] as Cell));
}

function textOfCell(cell: Cell): string {
  if (cell === undefined) return '';
  return typeof cell === 'object' ? cell.join('; ') : String(cell);
}

function tableOf<Row extends object>(report: Report<Row>): string[] {
  if (report.rows.length === 0) return ['(none)'];
  const all = cellsOf(report).map((cells) => cells.map((cell) => oneLine(textOfCell(cell))));
  // A column in which nothing stands takes room from the others.
  const shown = report.columns.map((_, column) => all.some((cells) => cells[column] !== ''));
  const heads = report.columns
    .filter((_, column) => shown[column])
    .map((name) => name.replaceAll(/([A-Z])/g, ' $1').toUpperCase());
  const rows = all.map((cells) => cells.filter((_, column) => shown[column]).map((cell) => cell || '-'));
  return inColumns([heads, ...rows]).split('\n');
}

function csvOf<Row extends object>(report: Report<Row>): string[] {
  return [report.columns.join(','), ...cellsOf(report).map((cells) => cells.map(csvCell).join(','))];
}

/** RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe. */
function csvCell(cell: Cell): string {
  const plain = textOfCell(cell);
  const text = typeof cell !== 'number' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return /[",;\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Checks a file: is it what it was when it was made? With `publicKey` it must be signed by that one's owner.
 * @throws EvidenceError that says what is wrong.
 */
export function verifyEvidence(file: string, publicKey?: KeyObject): Verified {
  const {
    header,
    rows,
    text,
    sha256: said,
    signature,
  } = file.startsWith('{') ? readJson(file) : readText(file);
  if (said === undefined) throw new EvidenceError('has no SHA-256: it is no whole evidence file');
  if (sha256(text) !== said)
    throw new EvidenceError('was changed after it was made: its SHA-256 is another one');
  const signedBy = signature === undefined ? undefined : verifySignature(text, signature, publicKey);
  if (publicKey !== undefined && signedBy === undefined) throw new EvidenceError('is not signed');
  if (Number(header.rows) !== rows)
    throw new EvidenceError(`has ${rows} rows, and says ${String(header.rows)}`);
  return { header, rows, sha256: said, signedBy };
}

interface ReadFile {
  readonly header: Readonly<Record<string, unknown>>;
  readonly rows: number;
  /** What is digested and signed. */
  readonly text: string;
  readonly sha256: string | undefined;
  readonly signature: string | undefined;
}

function readJson(file: string): ReadFile {
  let parsed: { evidence?: Record<string, unknown>; rows?: unknown };
  try {
    parsed = JSON.parse(file);
  } catch {
    throw new EvidenceError('is not JSON: it is cut off, or was changed');
  }
  const { evidence: whole, rows, ...more } = parsed;
  if (whole === null || typeof whole !== 'object' || !Array.isArray(rows) || Object.keys(more).length > 0)
    throw new EvidenceError('is no evidence file of scimd');
  const { sha256: digest, signature, ...header } = whole;
  return {
    header,
    rows: rows.length,
    text: JSON.stringify({ evidence: header, rows }),
    sha256: typeof digest === 'string' ? digest : undefined,
    signature: typeof signature === 'string' ? signature : undefined,
  };
}

function readText(file: string): ReadFile {
  if (!file.startsWith(`${firstLine}\n`))
    throw new EvidenceError(
      `is no evidence file of scimd: it does not begin with "${firstLine}" (a program that changes line ends makes another file of it)`,
    );
  const lines = file.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('# '));
  const head = lines.slice(0, end < 0 ? undefined : end);
  const isProof = (line: string): boolean => /^# (?:sha256|signature): /.test(line);
  const said = (name: string): string | undefined =>
    head.find((line) => line.startsWith(`# ${name}: `))?.slice(name.length + 4);
  const body = lines.slice(head.length);
  return {
    header: Object.fromEntries(
      ['query', 'tenant', 'as of', 'link', 'rows', 'author', 'made', 'version'].map((name) => [
        name,
        said(name),
      ]),
    ),
    rows: rowsIn(body, said('format') === 'csv'),
    text: [...head.filter((line) => !isProof(line)), ...body].join('\n'),
    sha256: said('sha256'),
    signature: said('signature'),
  };
}

/** Rows below the heads of a table, or of a CSV whose cells may go over several lines. */
function rowsIn(body: readonly string[], isCsv: boolean): number {
  const lines = body.at(-1) === '' ? body.slice(0, -1) : body;
  if (lines.length === 1 && lines[0] === '(none)') return 0;
  if (!isCsv) return lines.length - 1;
  let rows = 0;
  let open = false;
  for (const line of lines) {
    if (!open) rows++;
    if (line.split('"').length % 2 === 0) open = !open;
  }
  return rows - 1;
}

/** The SHA-256 of the key. @throws EvidenceError */
function verifySignature(text: string, signature: string, publicKey: KeyObject | undefined): string {
  const [algorithm, key = '', value = ''] = signature.split(' ');
  if (algorithm !== 'ed25519') throw new EvidenceError(`is signed by an unknown algorithm, ${algorithm}`);
  const raw = Buffer.from(key, 'base64');
  let signer: KeyObject;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') };
    signer = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    throw new EvidenceError('has a signature without a public key');
  }
  if (publicKey !== undefined && !publicKey.equals(signer))
    throw new EvidenceError('is signed by another key than the one given');
  if (!verify(null, Buffer.from(text), signer, Buffer.from(value, 'base64')))
    throw new EvidenceError('has a wrong signature');
  return createHash('sha256').update(raw).digest('base64');
}
