import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { ByteSource } from '../byte-source.ts';
import { ReferenceHpackDecoder } from '../reference/hpack.ts';
import { check, type FuzzTarget } from '../target.ts';
import { sameFields } from './hpack.ts';

const recordBytes = 8;
const names = [
  ':path',
  ':status',
  'cookie',
  'x-a',
  'grpc-status',
  '',
  'authorization',
  'x-long-name-of-a-header',
];
const tableSizes = [0, 1, 31, 32, 64, 100, 4096, 4097, 65_536, 0xffff_ffff];

/** An encoder, our decoder and the reference, one behind the other; and the next hop, to which what was decoded goes on. */
class Trio {
  private readonly encoder: HpackEncoder;
  private readonly ours = new HpackDecoder({ tableBytesMax: 65_536, listBytesMax: 1 << 20, fieldsMax: 1000 });
  private readonly reference = new ReferenceHpackDecoder(65_536);
  private readonly hop = new HpackEncoder();
  private readonly hopReference = new ReferenceHpackDecoder(4096);
  private readonly known: Field[] = [];
  private fields: Field[] = [];
  private base: HeaderBlock | null = null;
  private readonly blocks: HeaderBlock[] = [];

  constructor(ownTableBytesMax: number) {
    this.encoder = new HpackEncoder({ tableBytesMax: ownTableBytesMax });
  }

  step(record: Uint8Array): void {
    const [op, a, b, c] = record;
    switch (op % 6) {
      case 0: {
        const field = new Field(names[a % names.length], textOf(record), (c & 7) === 7);
        field.repeated = (c & 1) === 1;
        this.known.push(field);
        this.fields.push(field);
        return;
      }
      case 1:
        if (this.known.length > 0) this.fields.push(this.known[a % this.known.length]);
        return;
      case 2:
      case 3:
        return this.send(this.made((b & 1) === 1));
      case 4:
        if (this.blocks.length > 0) this.send(this.blocks[a % this.blocks.length]);
        return;
      default:
        return this.resize(tableSizes[a % tableSizes.length]);
    }
  }

  finish(): void {
    this.send(this.made(false));
  }

  private made(asBase: boolean): HeaderBlock {
    const block = new HeaderBlock(this.fields, this.base);
    block.repeated = this.fields.length % 2 === 0;
    this.fields = [];
    this.blocks.push(block);
    this.base = asBase && block.base === null ? block : null;
    return block;
  }

  private resize(bytes: number): void {
    this.encoder.setPeerTableBytesMax(bytes);
    this.ours.setTableBytesMax(bytes);
    this.reference.setLimit(bytes);
  }

  private send(block: HeaderBlock): void {
    const out = new OutputBuffer(16);
    this.encoder.encode(block, out);
    const wire = Buffer.from(out.bytes.subarray(0, out.length));
    const plain = block.allFields.reduce((sum, { size }) => sum + size, 0);
    check(wire.length <= plain + 32, 'a block on the wire is no longer than its fields');
    const decoded = this.ours.decode(wire, 0, wire.length);
    check(decoded !== null, `the decoder takes what the encoder wrote: ${this.ours.error}`);
    check(!this.ours.oversize, 'no limit is passed');
    check(sameFields(decoded.allFields, block.allFields), 'what is decoded is what was encoded');
    check(sameFields(this.reference.decode(wire), block.allFields), 'the reference decodes the same');
    wire.fill(0x55);
    out.clear();
    this.hop.encode(decoded, out);
    const onwards = Buffer.from(out.bytes.subarray(0, out.length));
    check(sameFields(this.hopReference.decode(onwards), block.allFields), 'what goes on is what came');
    check(sameFields(this.ours.entries(), this.encoder.entries()), 'the tables are in step');
    const { positions } = this.encoder as unknown as { positions: ReadonlyMap<Field, number> };
    check(positions.size === this.encoder.entries().length, 'an entry has one position');
  }
}

function textOf(record: Uint8Array): string {
  const [, , b, c, d0, d1, d2, d3] = record;
  const piece = String.fromCharCode(d0, d1, d2, d3);
  return (c & 8) === 0 ? piece.slice(0, b % 5) : piece.repeat(b);
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const trio = new Trio(source.pick([4096, 0, 100, 256, 65_536]));
  while (source.left > 0) {
    const record = new Uint8Array(recordBytes);
    record.set(source.take(recordBytes));
    trio.step(record);
  }
  trio.finish();
}

function seeds(): Uint8Array[] {
  const field = (name: number, times: number, flags: number): number[] => [
    0,
    name,
    times,
    flags,
    97,
    98,
    99,
    100,
  ];
  const send = [2, 0, 0, 0, 0, 0, 0, 0];
  const again = [4, 0, 0, 0, 0, 0, 0, 0];
  const resize = (size: number): number[] => [5, size, 0, 0, 0, 0, 0, 0];
  const base = [2, 0, 1, 0, 0, 0, 0, 0];
  return [
    [0, ...field(0, 3, 1), ...field(1, 2, 1), ...send, ...again, ...again],
    [0, ...field(3, 4, 1), ...base, ...field(4, 1, 0), ...send, ...again],
    [0, ...field(3, 20, 9), ...field(2, 200, 9), ...send, ...resize(0), ...again, ...resize(6), ...again],
    [3, ...field(6, 4, 7), ...send, ...resize(2), ...resize(8), ...field(5, 0, 1), ...send],
  ].map((numbers) => Uint8Array.from(numbers));
}

export const hpackPair: FuzzTarget = {
  about: 'what the HPACK encoder writes is decoded to the same fields, by ours and by a naive decoder',
  inputBytesMax: 1 + recordBytes * 64,
  recordBytes,
  headBytes: 1,
  dictionary: [],
  seeds,
  run,
};
