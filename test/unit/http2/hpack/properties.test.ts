import { expect } from 'chai';
import fc from 'fast-check';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { integerBytesMax, writeInteger } from '../../../../src/http2/hpack/integer.ts';
import { blockPairs, decoded, encoded, pairs, roomy } from './support.ts';

/** A run that fails prints its seed; `fc.assert(…, { seed })` runs it again. */
const runs = { numRuns: 300 };

const byteString = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const name = fc.oneof(
  fc.constantFrom(':path', ':method', ':status', 'content-type', 'te', 'x-trace', 'via'),
  byteString(40),
);
const value = fc.oneof(fc.constantFrom('', '/', 'POST', '200', 'a', 'application/grpc'), byteString(300));
/** A few fields that blocks share, so that there is something to refer to. */
const stock = fc.array(
  fc.record({ name, value, sensitive: fc.boolean(), repeated: fc.boolean() }).map((of) => {
    const field = new Field(of.name, of.value, of.sensitive);
    field.repeated = of.repeated;
    return field;
  }),
  { minLength: 1, maxLength: 40 },
);
const blockPlan = fc.record({
  own: fc.array(fc.nat(), { maxLength: 12 }),
  base: fc.option(fc.nat(), { nil: null }),
  repeated: fc.boolean(),
  /** Settings that arrive before the block. */
  tableBytes: fc.oneof(
    { weight: 4, arbitrary: fc.constant<number[]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom(0, 40, 64, 100, 300, 1000, 4096, 9000), { maxLength: 3 }),
    },
  ),
  /** Whether it is the block before once more. */
  again: fc.boolean(),
});

function blocksOf(
  fields: readonly Field[],
  plans: ReadonlyArray<typeof blockPlan extends fc.Arbitrary<infer P> ? P : never>,
) {
  const bases = [0, 1, 2].map((at) => {
    const base = new HeaderBlock(fields.slice(at * 3, at * 3 + 5));
    base.repeated = at !== 1;
    return base;
  });
  let last: HeaderBlock | null = null;
  return plans.map((plan) => {
    if (plan.again && last !== null) return { block: last, tableBytes: plan.tableBytes };
    const own = plan.own.map((at) => fields[at % fields.length]);
    last = new HeaderBlock(own, plan.base === null ? null : bases[plan.base % bases.length]);
    last.repeated = plan.repeated;
    return { block: last, tableBytes: plan.tableBytes };
  });
}

describe('HPACK properties', () => {
  it('decoding what was encoded is identity, and both tables stay equal', () => {
    fc.assert(
      fc.property(
        stock,
        fc.array(blockPlan, { minLength: 1, maxLength: 25 }),
        fc.constantFrom(0, 100, 4096, 9000),
        (fields, plans, encoderBytesMax) => {
          const encoder = new HpackEncoder({ tableBytesMax: encoderBytesMax });
          const decoder = new HpackDecoder({ ...roomy, tableBytesMax: 9000 });
          for (const { block, tableBytes } of blocksOf(fields, plans)) {
            for (const bytes of tableBytes) {
              decoder.setTableBytesMax(bytes);
              encoder.setPeerTableBytesMax(bytes);
            }
            const back = decoded(decoder, encoded(encoder, block));
            expect(decoder.error).to.equal(null);
            expect(blockPairs(back)).to.deep.equal(blockPairs(block));
            expect(back?.allFields.map((field) => field.sensitive)).to.deep.equal(
              block.allFields.map((field) => field.sensitive),
            );
            expect(pairs(decoder.entries())).to.deep.equal(pairs(encoder.entries()));
          }
        },
      ),
      runs,
    );
  });

  it('a decoder with small limits stays in step with one that has none, and keeps a beginning of each block', () => {
    fc.assert(
      fc.property(
        stock,
        fc.array(blockPlan, { minLength: 1, maxLength: 25 }),
        fc.nat(600),
        fc.nat(6),
        (fields, plans, listBytesMax, fieldsMax) => {
          const encoder = new HpackEncoder();
          const roomyDecoder = new HpackDecoder(roomy);
          const narrow = new HpackDecoder({ tableBytesMax: 4096, listBytesMax, fieldsMax });
          for (const { block } of blocksOf(fields, plans)) {
            const wire = encoded(encoder, block);
            const whole = decoded(roomyDecoder, wire);
            const part = decoded(narrow, wire);
            expect(narrow.error).to.equal(null);
            const fits = whole!.listBytes <= listBytesMax && whole!.allFields.length <= fieldsMax;
            expect(narrow.oversize).to.equal(!fits);
            expect(part!.listBytes).to.be.at.most(listBytesMax);
            expect(part!.allFields.length).to.be.at.most(fieldsMax);
            expect(pairs(part!.allFields)).to.deep.equal(
              pairs(whole!.allFields).slice(0, part!.allFields.length),
            );
            expect(pairs(narrow.entries())).to.deep.equal(pairs(roomyDecoder.entries()));
          }
        },
      ),
      runs,
    );
  });

  it('any bytes are decoded or refused with a sentence, within the limits, and nothing is thrown', () => {
    // Bytes that begin a field more often than not get further than uniform ones.
    const byte = fc.oneof(
      fc.nat(255),
      fc.constantFrom(0x82, 0xbe, 0xbf, 0x40, 0x41, 0x00, 0x10, 0x20, 0x01, 0x81),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(byte, { maxLength: 80 }), { minLength: 1, maxLength: 10 }),
        fc.nat(4096),
        (wires, tableBytes) => {
          const limits = { tableBytesMax: 4096, listBytesMax: 300, fieldsMax: 5 };
          const decoder = new HpackDecoder(limits);
          for (const [index, wire] of wires.entries()) {
            if (index === 5) decoder.setTableBytesMax(tableBytes);
            const block = decoded(decoder, Uint8Array.from(wire));
            if (block === null) {
              expect(decoder.error).to.match(/^[a-z].{10,}[^.]$/i);
              return;
            }
            expect(decoder.error).to.equal(null);
            expect(block.listBytes).to.be.at.most(limits.listBytesMax);
            expect(block.allFields.length).to.be.at.most(limits.fieldsMax);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('bytes decoded by a decoder with a memo mean what they mean to one without', () => {
    // Blocks above 512 bytes are never remembered: padded so, the same blocks are decoded anew each time.
    const padding = new HeaderBlock([new Field('x-padding', 'p'.repeat(600))]);
    fc.assert(
      fc.property(stock, fc.array(blockPlan, { minLength: 1, maxLength: 40 }), (fields, plans) => {
        const encoder = new HpackEncoder();
        const remembering = new HpackDecoder(roomy);
        const plain = new HpackDecoder(roomy);
        const padded = encoded(new HpackEncoder(), padding);
        for (const { block } of blocksOf(fields, plans)) {
          const wire = encoded(encoder, block);
          const fast = decoded(remembering, wire);
          const slow = decoded(plain, Buffer.concat([wire, padded]));
          expect(pairs(fast!.allFields)).to.deep.equal(pairs(slow!.allFields).slice(0, -1));
          expect(pairs(remembering.entries())).to.deep.equal(pairs(plain.entries()));
        }
      }),
      runs,
    );
  });

  it('literals are what they say, whatever stood before them, and their kinds what the fields themselves would say', () => {
    const literal = fc.record({
      name,
      value: fc.oneof(value, fc.constantFrom(' a', 'a\t', 'a\0b', 'trailers')),
    });
    fc.assert(
      fc.property(
        fc.array(literal, { minLength: 1, maxLength: 8 }),
        fc.array(fc.array(fc.record({ at: fc.nat(), first: fc.constantFrom(0x00, 0x00, 0x00, 0x10, 0x40) }))),
        (pool, blocks) => {
          const decoder = new HpackDecoder(roomy);
          for (const block of blocks) {
            const wanted = block.map(({ at, first }) => ({ ...pool[at % pool.length], first }));
            const wire = Buffer.concat(wanted.map((of) => plainLiteral(of.first, of.name, of.value)));
            const back = decoder
              .decode(wire, 0, wire.length)
              ?.allFields.map((f) => [f.name, f.value, f.sensitive, f.kind]);
            expect(back).to.deep.equal(
              wanted.map((of) => [of.name, of.value, of.first === 0x10, new Field(of.name, of.value).kind]),
            );
          }
        },
      ),
      runs,
    );
  });
});

/** RFC 7541 section 6.2, with the name spelled out and neither string Huffman-coded. */
function plainLiteral(first: number, ...strings: string[]): Buffer {
  const parts = strings.map((text) => {
    const length = Buffer.alloc(integerBytesMax);
    return Buffer.concat([
      length.subarray(0, writeInteger(length, 0, 0, 7, text.length)),
      Buffer.from(text, 'latin1'),
    ]);
  });
  return Buffer.concat([Buffer.of(first), ...parts]);
}
