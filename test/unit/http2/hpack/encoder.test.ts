import { expect } from 'chai';
import { constantField, Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { OutputBuffer } from '../../../../src/transport/output-buffer.ts';
import { blockPairs, decoded, encoded, hex, pairs, roomy } from './support.ts';

function blockOf(...fields: Field[]): HeaderBlock {
  return new HeaderBlock(fields);
}
function repeatedBlock(base: HeaderBlock | null, ...fields: Field[]): HeaderBlock {
  const block = new HeaderBlock(fields, base);
  block.repeated = true;
  return block;
}
function wire(encoder: HpackEncoder, block: HeaderBlock): string {
  return encoded(encoder, block).toString('hex');
}
/** 38 bytes in the table: name 2, value 4, and 32. */
function small(number: number): Field {
  return constantField('x-', String(number).padStart(4, '0'));
}

describe('HPACK encoder: representations', () => {
  it('a field that will not come again is a plain literal and leaves no trace', () => {
    const encoder = new HpackEncoder();
    const field = new Field('traceparent', '00-4bf9');
    expect(wire(encoder, blockOf(field))).to.equal(
      `000b${Buffer.from('traceparent').toString('hex')}07${Buffer.from('00-4bf9').toString('hex')}`,
    );
    expect([encoder.entries().length, field.literal]).to.deep.equal([0, null]);
  });

  it('takes its name from the static table, its whole from there where it can', () => {
    const encoder = new HpackEncoder();
    expect(wire(encoder, blockOf(new Field(':path', '/a')))).to.equal('04022f61');
    expect(wire(encoder, blockOf(new Field('content-type', 'a')))).to.equal('0f100161');
    expect(wire(encoder, blockOf(new Field(':status', '200')))).to.equal('88');
    expect(wire(encoder, blockOf(constantField(':status', '200')))).to.equal('88');
    expect(encoder.entries()).to.deep.equal([]);
  });

  it('a field that repeats enters the table, and is one byte from then on', () => {
    const encoder = new HpackEncoder();
    const names = ['x-name', ':path', 'content-type'];
    const firsts = names.map((name) => wire(encoder, blockOf(constantField(name, '/a'))));
    expect(firsts).to.deep.equal(['4085f2b543a4bf022f61', '44022f61', '5f022f61']);
    const decoder = new HpackDecoder(roomy);
    for (const first of firsts) decoded(decoder, hex(first));
    expect(pairs(decoder.entries())).to.deep.equal(pairs(encoder.entries()));
    const field = encoder.entries()[2];
    expect(wire(encoder, blockOf(field))).to.equal('c0');
  });

  it('a sensitive field is never indexed, even where it repeats or the static table has it', () => {
    const encoder = new HpackEncoder();
    const fields = [new Field('authorization', 'v', true), new Field(':status', '200', true)];
    for (const field of fields) field.repeated = true;
    for (let again = 0; again < 3; again++) {
      expect(wire(encoder, blockOf(...fields))).to.equal('1f080176' + '1803323030');
      expect(wire(encoder, repeatedBlock(null, ...fields))).to.equal('1f080176' + '1803323030');
    }
    expect(encoder.entries()).to.deep.equal([]);
    expect(fields.map((field) => field.literal)).to.deep.equal([null, null]);
  });

  it('long values take a long length', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    for (const length of [0, 126, 127, 128, 16_384, 70_000]) {
      const block = blockOf(new Field('x', 'v'.repeat(length)), constantField('y', 'w'.repeat(length)));
      expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal([
        ['x', 'v'.repeat(length)],
        ['y', 'w'.repeat(length)],
      ]);
    }
  });

  it('appends: what stands in the output stays', () => {
    const out = new OutputBuffer(4);
    out.bytes.write('abc');
    out.length = 3;
    new HpackEncoder().encode(
      blockOf(new Field(':status', '200'), new Field('x', 'yyyyyyyyyyyyyyyyyyyyyyyy')),
      out,
    );
    expect(out.bytes.toString('latin1', 0, 3)).to.equal('abc');
    expect(out.bytes[3]).to.equal(0x88);
  });
});

describe('HPACK encoder: table', () => {
  it('a field above a quarter of the table does not enter it', () => {
    const encoder = new HpackEncoder();
    encoded(encoder, blockOf(constantField('x', 'v'.repeat(1024 - 32 - 1))));
    expect(encoder.entries().length).to.equal(1);
    encoded(encoder, blockOf(constantField('y', 'v'.repeat(1024 - 32))));
    expect(encoder.entries().length).to.equal(1);
  });

  it('once full, takes every 16th new field only', () => {
    const encoder = new HpackEncoder();
    const fits = Math.floor(4096 / 38);
    for (let number = 0; number < fits; number++) encoded(encoder, blockOf(small(number)));
    expect(encoder.entries().length).to.equal(fits);
    const newest = () => Number(encoder.entries()[0].value);
    for (let number = 1000; number < 1015; number++) encoded(encoder, blockOf(small(number)));
    expect(newest()).to.equal(fits - 1);
    encoded(encoder, blockOf(small(1015)));
    expect(newest()).to.equal(1015);
    expect(encoder.entries().length).to.equal(fits);
  });

  it('an evicted field can come in again, and is found at its new place', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const fields = Array.from({ length: 300 }, (_, number) => small(number));
    for (let round = 0; round < 20; round++)
      for (const field of fields) {
        const back = decoded(decoder, encoded(encoder, blockOf(field)));
        expect(blockPairs(back)).to.deep.equal([['x-', field.value]]);
      }
    expect(pairs(decoder.entries())).to.deep.equal(pairs(encoder.entries()));
  });

  it('is as large as both sides allow, and a change is said in the next block', () => {
    const encoder = new HpackEncoder({ tableBytesMax: 8192 });
    const status = blockOf(new Field(':status', '200'));
    expect(wire(encoder, status)).to.equal('88');
    encoder.setPeerTableBytesMax(100);
    expect(wire(encoder, status)).to.equal('3f4588');
    expect(wire(encoder, status)).to.equal('88');
    encoder.setPeerTableBytesMax(1 << 30);
    expect(wire(encoder, status)).to.equal('3fe13f88');
    encoder.setPeerTableBytesMax(8192);
    expect(wire(encoder, status)).to.equal('88');
  });

  it('that was smaller for a while is said with both sizes, and is empty', () => {
    const encoder = new HpackEncoder();
    encoded(encoder, blockOf(small(1)));
    encoder.setPeerTableBytesMax(0);
    encoder.setPeerTableBytesMax(2000);
    encoder.setPeerTableBytesMax(4096);
    expect(wire(encoder, blockOf(new Field(':status', '200')))).to.equal('203fe11f88');
    expect(encoder.entries()).to.deep.equal([]);
  });

  it('that is to be smaller than the 4096 bytes of the start is said in the first block', () => {
    expect(wire(new HpackEncoder({ tableBytesMax: 0 }), blockOf(new Field(':status', '200')))).to.equal(
      '2088',
    );
  });

  it('of 0 bytes indexes nothing', () => {
    const encoder = new HpackEncoder({ tableBytesMax: 0 });
    const block = blockOf(small(1));
    encoded(encoder, block);
    expect(wire(encoder, block).startsWith('00')).to.equal(true);
  });
});

describe('HPACK encoder: memo of blocks', () => {
  it('a repeated block gives the same bytes again, until the table changes', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const block = repeatedBlock(null, constantField(':status', '200'), small(1), new Field('x-own', 'v'));
    const wanted = blockPairs(block);
    for (let again = 0; again < 3; again++)
      expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal(wanted);
    const before = wire(encoder, block);
    decoded(decoder, encoded(encoder, blockOf(small(2))));
    expect(wire(encoder, block)).not.to.equal(before);
    expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal(wanted);
  });

  it('a repeated block is not read again, unless its bytes were too many to keep', () => {
    const readsOf = (...fields: Field[]): number => {
      let reads = 0;
      const counted = new Proxy(fields, {
        get(target, key) {
          reads++;
          return Reflect.get(target, key);
        },
      });
      const encoder = new HpackEncoder();
      const block = repeatedBlock(null);
      Object.assign(block, { fields: counted });
      for (let again = 0; again < 2; again++) encoded(encoder, block);
      const before = reads;
      encoded(encoder, block);
      return reads - before;
    };
    expect(readsOf(constantField(':status', '200'))).to.equal(0);
    expect(readsOf(small(1), small(2)), 'with fields in the table').to.equal(0);
    const long = (count: number) =>
      Array.from({ length: count }, (_, i) => new Field(`x${i}`, 'é'.repeat(100)));
    expect(readsOf(...long(3))).to.equal(0);
    expect(readsOf(...long(6))).to.be.above(0);
  });

  it('a base that repeats comes first, whatever is new after it', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const base = repeatedBlock(null, constantField(':method', 'POST'), small(1), small(2));
    for (let call = 0; call < 5; call++) {
      const block = new HeaderBlock([new Field('traceparent', `id ${call}`)], base);
      const bytes = encoded(encoder, block);
      if (call > 0) expect(bytes.subarray(0, 3).toString('hex')).to.equal('83bfbe');
      expect(blockPairs(decoded(decoder, bytes))).to.deep.equal(blockPairs(block));
    }
  });

  it('a repeated block on a repeated base, with an insertion between the two', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const base = repeatedBlock(null, small(1));
    for (let round = 0; round < 4; round++) {
      const block = repeatedBlock(base, small(10 + round), small(1));
      for (let again = 0; again < 3; again++)
        expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal(blockPairs(block));
    }
  });

  it('is forgotten with the table it stood on', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const block = repeatedBlock(null, small(1));
    for (const bytes of [4096, 0, 4096, 100]) {
      encoder.setPeerTableBytesMax(bytes);
      decoder.setTableBytesMax(bytes);
      for (let again = 0; again < 3; again++)
        expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal(blockPairs(block));
    }
  });

  it('survives more blocks than it holds', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(roomy);
    const blocks = Array.from({ length: 600 }, (_, number) =>
      repeatedBlock(null, new Field('x', `${number}`)),
    );
    for (let round = 0; round < 2; round++)
      for (const block of blocks)
        expect(blockPairs(decoded(decoder, encoded(encoder, block)))).to.deep.equal(blockPairs(block));
  });
});
