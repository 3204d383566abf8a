import { HeaderBlock } from '../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { ByteSource } from '../byte-source.ts';
import { type PlainField, ReferenceError7541, ReferenceHpackDecoder } from '../reference/hpack.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

const tableLimits = [4096, 0, 64, 256, 8192, 65_536];
const listLimits = [61_440, 0, 100, 1000];
const fieldLimits = [100, 1, 4, 10];
/** Blocks longer than this make the slow reference too slow to be of use. */
const blockBytesMax = 1024;

function referenceDecode(reference: ReferenceHpackDecoder, block: Buffer): PlainField[] | null {
  try {
    return reference.decode(block);
  } catch (error) {
    if (error instanceof ReferenceError7541) return null;
    throw error;
  }
}

export function sameFields(got: readonly PlainField[], wanted: readonly PlainField[]): boolean {
  return (
    got.length === wanted.length &&
    got.every(
      (field, i) =>
        field.name === wanted[i].name &&
        field.value === wanted[i].value &&
        field.sensitive === wanted[i].sensitive,
    )
  );
}

/** Decodes block after block beside the reference, with changes of the table's limit between them. */
function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const tableBytesMax = source.pick(tableLimits);
  const listBytesMax = source.pick(listLimits);
  const fieldsMax = source.pick(fieldLimits);
  const decoder = new HpackDecoder({ tableBytesMax, listBytesMax, fieldsMax });
  const reference = new ReferenceHpackDecoder(tableBytesMax);
  while (source.left > 0) {
    const step = source.u8();
    if (step >= 250) {
      const limit = source.pick(tableLimits);
      decoder.setTableBytesMax(limit);
      reference.setLimit(limit);
      continue;
    }
    const block = Buffer.from(source.take(Math.min(step, blockBytesMax)));
    // The same bytes twice and three times: what the decoder remembers of them must not show.
    for (let times = source.below(8) < 6 ? 1 : 3; times > 0; times--)
      if (!decodeOne(decoder, reference, block, listBytesMax, fieldsMax)) return;
  }
}

function decodeOne(
  decoder: HpackDecoder,
  reference: ReferenceHpackDecoder,
  block: Buffer,
  listBytesMax: number,
  fieldsMax: number,
): boolean {
  const around = Buffer.alloc(block.length + 5, 0xaa);
  around.set(block, 2);
  const got = decoder.decode(around, 2, 2 + block.length);
  around.fill(0x55);
  const wanted = referenceDecode(reference, block);
  check((got === null) === (wanted === null), `decoded ${got !== null}, the reference ${wanted !== null}`);
  if (got === null || wanted === null) {
    check(decoder.error !== null && decoder.error !== '', 'a refusal has a reason');
    check(decoder.decode(block, 0, block.length) === null, 'after an error nothing is decoded');
    return false;
  }
  const fitting = fittingFields(wanted, listBytesMax, fieldsMax);
  check(decoder.oversize === fitting.length < wanted.length, 'a block is oversize where a limit says so');
  check(sameFields(got.allFields, fitting), 'the fields are those of the reference');
  check(got.listBytes <= listBytesMax, 'the list stays within its limit');
  check(
    sameFields(
      decoder.entries(),
      reference.table.map((field) => ({ ...field, sensitive: false })),
    ),
    'the tables are in step',
  );
  return true;
}

/** What a block keeps: the fields up to the first that passes a limit. */
function fittingFields(fields: readonly PlainField[], listBytesMax: number, fieldsMax: number): PlainField[] {
  let bytes = 0;
  const fitting: PlainField[] = [];
  for (const field of fields) {
    bytes += field.name.length + field.value.length + 32;
    if (bytes > listBytesMax || fitting.length >= fieldsMax) break;
    fitting.push(field);
  }
  return fitting;
}

/** A block as our own encoder writes it, with its length before it. */
function encodedSeeds(): Uint8Array[] {
  const encoder = new HpackEncoder();
  const head = HeaderBlock.of(
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/helloworld.Greeter/SayHello'],
    [':authority', 'greeter'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['grpc-timeout', '1S'],
    ['x-request-id', '4f1c'],
  );
  for (const field of head.fields) field.repeated = true;
  const blocks = [head, head, HeaderBlock.of([':status', '200']), HeaderBlock.of(['grpc-status', '0']), head];
  const wire = blocks.flatMap((block) => {
    const out = new OutputBuffer();
    encoder.encode(block, out);
    return [Buffer.of(out.length), Buffer.from(out.bytes.subarray(0, out.length)), Buffer.of(7)];
  });
  return [Buffer.concat([Buffer.of(0, 0, 0), ...wire]), Buffer.concat([Buffer.of(2, 2, 2), ...wire])];
}

/** RFC 7541 appendix C, and what decoders stumble over. */
const snippets = [
  '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
  '040c2f73616d706c652f70617468',
  '100870617373776f726406736563726574',
  '828684418cf1e3c2e5f23a6ba0ab90f4ff',
  '828684be5886a8eb10649cbf',
  '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
  '3fe11f',
  '20',
  '3f00',
  '3fffffffff0f',
  '7fffffffff0f',
  '80',
  'ffffffffff0f',
  '40018f018f',
  '4081ff81ff',
  '0082fffe82ffff',
];

export const hpack: FuzzTarget = {
  about: 'the HPACK decoder agrees with a naive one on fields, tables, limits and errors',
  inputBytesMax: 1024,
  recordBytes: 1,
  headBytes: 0,
  dictionary: [...snippets.map((hex) => Buffer.from(hex, 'hex')), bytesOf('cookie'), bytesOf('a'.repeat(64))],
  seeds: () => [
    ...encodedSeeds(),
    ...snippets.map((hex) => {
      const block = Buffer.from(hex, 'hex');
      return Buffer.concat([Buffer.of(0, 0, 0, block.length), block, Buffer.of(0, 251, 1)]);
    }),
  ],
  run,
};
