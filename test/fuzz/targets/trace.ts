import { TraceparentField } from '../../../src/core/traceparent-field.ts';
import {
  cleanTracestate,
  parseTraceparent,
  tracestateCharsMax,
  tracestateMembersMax,
} from '../../../src/telemetry/trace-context.ts';
import { ByteSource } from '../byte-source.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

const version00 = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const later = /^(?!ff|00)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s;
const member =
  /^([a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])$/;

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  if (source.flag()) state(source);
  else parent(Buffer.from(source.rest()).toString('latin1'));
}

function parent(text: string): void {
  const got = parseTraceparent(text);
  const match = version00.exec(text) ?? later.exec(text);
  check((got !== undefined) === (match !== null), `traceparent ${JSON.stringify(text)}`);
  if (got === undefined || match === null) return;
  check(String(got.traceId) === match[1] && String(got.spanId) === match[2], 'the ids are those of the text');
  check(got.flags === (Number.parseInt(match[3], 16) & 3), 'unknown flags are dropped');
  const again = parseTraceparent(new TraceparentField(got.traceId, got.spanId, got.flags).value);
  check(
    String(again?.traceId) === match[1] && again?.flags === got.flags,
    'what is sent on is read as the same',
  );
}

function state(source: ByteSource): void {
  const values: string[] = [];
  for (let count = 1 + source.below(3); count > 0; count--) {
    const piece = source.text(80);
    const times = source.below(4) === 0 ? source.u8() : 1;
    values.push(piece.repeat(times));
  }
  const cleaned = cleanTracestate(values);
  check(cleaned.length <= tracestateCharsMax, `${cleaned.length} characters are sent on`);
  check(cleanTracestate([cleaned]) === cleaned, 'what is clean stays as it is');
  const members = cleaned
    .split(',')
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((text) => text !== '');
  check(members.length <= tracestateMembersMax, `${members.length} members are sent on`);
  const all = values
    .join(',')
    .split(',')
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
  const keys = new Set<string>();
  for (const text of members) {
    const match = member.exec(text);
    check(match !== null, `a malformed member is sent on: ${JSON.stringify(text)}`);
    check(!keys.has(match[1]), `a key is sent on twice: ${match[1]}`);
    keys.add(match[1]);
    check(all.includes(text), 'no member is made up');
  }
}

const id = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';

export const trace: FuzzTarget = {
  about: 'traceparent and tracestate are read as the standard has them, and sent on within its limits',
  inputBytesMax: 300,
  recordBytes: 1,
  headBytes: 0,
  dictionary: ['00-', '-01', 'ff-', 'cc-', '=', ',', '@', 'rojo=00f067aa0ba902b7', '\t', '0'.repeat(16)].map(
    bytesOf,
  ),
  seeds: () =>
    [
      `\0${'00'}-${id}-01`,
      `\0cc-${id}-03-what-the-future-brings`,
      `\0ff-${id}-00`,
      `\0${'00'}-${'0'.repeat(32)}-b7ad6b7169203331-01`,
      '\x01\x00\x1arojo=00f067aa0ba902b7,a=b \x01',
      '\x01\x01\x10tenant@sys=1,b=2\x00\x20\x05c=d,,\x01',
      `\x01\x00\x50${'k'.repeat(70)}=v,\x00\xff`,
    ].map(bytesOf),
  run,
};
