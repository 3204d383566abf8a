import { expect } from 'chai';
import { FieldKind } from '../../../../src/core/field.ts';
import { HpackCaches } from '../../../../src/http2/hpack/caches.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { blockPairs, decoded, hex, integer, literal, only, pairs, roomy } from './support.ts';

function decoderOf(listBytesMax: number, fieldsMax = 1000): HpackDecoder {
  return new HpackDecoder({ tableBytesMax: 4096, listBytesMax, fieldsMax });
}
function sizeUpdate(bytes: number): Buffer {
  return integer(0x20, 5, bytes);
}
describe('HPACK decoder: compression errors', () => {
  const errors: Array<[what: string, wire: string, sentence: RegExp]> = [
    ['index 0', '80', /no header table entry at index 0/],
    ['an index past the static table, with nothing inserted', 'be', /index 62/],
    ['an index far past the end', 'ffffffff0f', /index 33554558/],
    ['a name index past the end', '7f00 00', /index 63/],
    ['an index over 32 bits', 'ffffffffff7f', /over 32 bits/],
    ['an index drawn out with zeros', 'ff808080808000', /over 32 bits/],
    ['an index cut off', 'ff', /ends inside an integer/],
    ['a string length over 32 bits', '007fffffffff7f', /over 32 bits/],
    ['a string length past the end', '0005 6162', /ends inside a string/],
    ['a string length of 4 GiB', '007f80ffffff0f', /ends inside a string/],
    ['a block that ends before the name', '40', /ends in the middle of a header/],
    ['a block that ends before the value', '0401 61 04', /ends (?:inside|in the middle of) a/],
    ['a literal without value', '000161', /ends in the middle of a header/],
    ['Huffman padding of 8 bits', '04 82 07ff', /wrong padding/],
    ['Huffman padding of zeros', '04 81 00', /wrong padding/],
    ['the Huffman end-of-string symbol', '04 84 ffffffff', /end-of-string/],
    ['a wrong Huffman name', '00 81 00 01 61', /wrong padding/],
    ['a table size update above the limit', '3fe21f', /4097 passes the limit of 4096/],
    ['a table size update of more than 32 bits', '3fffffffff7f', /over 32 bits/],
    ['a table size update after a field', '82 20', /after a header/],
    ['three table size updates', '20 21 22', /more than two/],
  ];
  for (const [what, wire, sentence] of errors) {
    it(`${what}`, () => {
      const decoder = new HpackDecoder(roomy);
      expect(decoded(decoder, hex(wire))).to.equal(null);
      expect(decoder.error).to.match(sentence);
      // The table may be out of step now: nothing more is decoded.
      expect(decoded(decoder, hex('82'))).to.equal(null);
    });
  }

  it('the same in fields that are only skipped', () => {
    for (const wire of ['04 84 ffffffff', '00 81 00 01 61', '80', '40']) {
      const decoder = decoderOf(0);
      expect(decoded(decoder, hex(`82 ${wire}`)), wire).to.equal(null);
      expect(decoder.error).to.be.a('string');
    }
  });
});

describe('HPACK decoder: a Huffman-coded value', () => {
  it('is judged by what it stands for, though its bytes on the wire look like plain text', () => {
    // 513f is "Q?" as it stands, and " t" decoded: a value must not begin with a space.
    const field = only(new HpackDecoder(roomy), hex('00 01 78 82 513f'));
    expect([field.value, field.kind]).to.deep.equal([' t', FieldKind.Malformed]);
  });
});

describe('HPACK decoder: a block that comes again', () => {
  it('has fields that repeat, but shares no sensitive value', () => {
    const sharing = { ...roomy, caches: new HpackCaches() };
    const decoder = new HpackDecoder(sharing);
    const value = 'long enough that no memo of literals keeps it: '.repeat(3);
    const wire = Buffer.concat([literal(0x00, 'x-long', value), literal(0x10, 'x-secret', value)]);
    const blocks = [1, 2, 3].map(() => decoded(decoder, wire));
    expect(blocks[0]?.repeated).to.equal(false);
    expect(blocks[0]?.allFields.map(({ repeated }) => repeated)).to.deep.equal([false, false]);
    expect(blocks[1]?.repeated).to.equal(true);
    expect(blocks[1]?.allFields.map(({ repeated }) => repeated)).to.deep.equal([true, true]);
    expect(blocks[2]).to.equal(blocks[1]);
    const other = new HpackDecoder(sharing);
    const again = [1, 2].map(() => decoded(other, wire))[1];
    expect(again?.allFields[0], 'one object for all connections').to.equal(blocks[1]?.allFields[0]);
    expect(again?.allFields[1]).not.to.equal(blocks[1]?.allFields[1]);
  });
});

describe('HPACK decoder: table size updates', () => {
  it('one or two at the start of a block are taken', () => {
    const decoder = new HpackDecoder(roomy);
    expect(blockPairs(decoded(decoder, hex('20 3fe11f 82')))).to.deep.equal([[':method', 'GET']]);
    expect(blockPairs(decoded(decoder, hex('20')))).to.deep.equal([]);
    expect(blockPairs(decoded(decoder, hex('')))).to.deep.equal([]);
  });

  it('are looked for within the block alone', () => {
    const decoder = new HpackDecoder(roomy);
    for (const [wire, end] of [
      ['3fffffffff7f', 0],
      ['20 3fffffffff7f', 1],
    ] as const) {
      expect(blockPairs(decoder.decode(hex(wire), 0, end))).to.deep.equal([]);
      expect(decoder.error).to.equal(null);
    }
  });

  it('evict', () => {
    const decoder = new HpackDecoder(roomy);
    decoded(decoder, Buffer.concat([literal(0x40, 'a', '1'), literal(0x40, 'b', '2')]));
    decoded(decoder, sizeUpdate(34));
    expect(pairs(decoder.entries())).to.deep.equal([['b', '2']]);
    expect(decoded(decoder, hex('bf'))).to.equal(null);
  });

  it('must follow where the limit went below the size in use', () => {
    for (const wire of ['82', '', '3fe11f 82']) {
      const decoder = new HpackDecoder(roomy);
      decoder.setTableBytesMax(100);
      expect(decoded(decoder, hex(wire)), wire).to.equal(null);
      expect(decoder.error).to.match(/limit/);
    }
    const decoder = new HpackDecoder(roomy);
    decoder.setTableBytesMax(100);
    expect(decoded(decoder, Buffer.concat([sizeUpdate(90), hex('82')]))).not.to.equal(null);
    expect(decoded(decoder, hex('82'))).not.to.equal(null);
  });

  it('must follow even for a block that was decoded before', () => {
    const decoder = new HpackDecoder(roomy);
    for (let again = 0; again < 4; again++) expect(decoded(decoder, hex('82'))).not.to.equal(null);
    decoder.setTableBytesMax(100);
    expect(decoded(decoder, hex('82'))).to.equal(null);
  });

  it('must go through the lowest limit where it went down and up again', () => {
    const skipping = new HpackDecoder(roomy);
    skipping.setTableBytesMax(0);
    skipping.setTableBytesMax(4096);
    expect(decoded(skipping, Buffer.concat([sizeUpdate(4096), hex('82')]))).to.equal(null);
    const decoder = new HpackDecoder(roomy);
    decoded(decoder, literal(0x40, 'a', '1'));
    decoder.setTableBytesMax(0);
    decoder.setTableBytesMax(4096);
    expect(decoded(decoder, Buffer.concat([sizeUpdate(0), sizeUpdate(4096), hex('82')]))).not.to.equal(null);
    expect(decoder.entries()).to.deep.equal([]);
    expect(decoded(decoder, literal(0x40, 'a', '1'))).not.to.equal(null);
    expect(pairs(decoder.entries())).to.deep.equal([['a', '1']]);
  });

  it('need not follow where the limit stays above the size in use', () => {
    const decoder = new HpackDecoder({ ...roomy, tableBytesMax: 65_536 });
    decoder.setTableBytesMax(8192);
    expect(decoded(decoder, hex('82'))).not.to.equal(null);
    expect(decoded(decoder, sizeUpdate(8192))).not.to.equal(null);
    expect(decoded(decoder, sizeUpdate(8193))).to.equal(null);
  });
});

describe('HPACK decoder: shared fields', () => {
  it('an entry is the same object at each reference, known to repeat from the first one on', () => {
    const decoder = new HpackDecoder(roomy);
    const inserted = only(decoder, literal(0x40, 'x-shared', 'one'));
    expect(inserted.repeated).to.equal(false);
    const first = only(decoder, hex('be'));
    expect(first.repeated).to.equal(true);
    expect(only(decoder, hex('be'))).to.equal(first);
    expect(decoder.entries()[0]).to.equal(first);
  });

  it('an equal entry on another connection is the same object from its first reference on', () => {
    const caches = new HpackCaches();
    const fields = [1, 2].map(() => {
      const decoder = new HpackDecoder({ ...roomy, caches });
      decoded(decoder, literal(0x40, 'x-shared', 'two'));
      return only(decoder, hex('be'));
    });
    expect(fields[0]).to.equal(fields[1]);
  });

  it('a field of the static table is a constant', () => {
    const field = only(new HpackDecoder(roomy), hex('82'));
    expect(only(new HpackDecoder(roomy), hex('82'))).to.equal(field);
    expect(field.repeated).to.equal(true);
    expect(blockPairs(decoded(new HpackDecoder(roomy), hex('81')))).to.deep.equal([[':authority', '']]);
  });

  it('a literal without indexing and a sensitive one enter no table and are not marked', () => {
    const decoder = new HpackDecoder(roomy);
    for (const pattern of [0x00, 0x10]) {
      const field = only(decoder, literal(pattern, 'x-own', 'v'));
      expect([field.repeated, field.sensitive]).to.deep.equal([false, pattern === 0x10]);
    }
    expect(decoder.entries()).to.deep.equal([]);
  });

  it('an equal sensitive field stays an object of its own', () => {
    const fields = [1, 2].map(() => {
      const decoder = new HpackDecoder(roomy);
      for (let again = 0; again < 3; again++) decoded(decoder, literal(0x10, 'authorization', 'secret'));
      return only(decoder, literal(0x10, 'authorization', 'secret'));
    });
    expect(fields[0]).not.to.equal(fields[1]);
    expect(fields.every((field) => field.sensitive)).to.equal(true);
  });

  it('bytes above 0x7f pass through as they are', () => {
    const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
    expect(only(new HpackDecoder(roomy), literal(0x00, 'x-bin', value)).value).to.equal(value);
  });
});

describe('HPACK decoder: memo of blocks', () => {
  const wire = Buffer.concat([hex('82 86 84'), literal(0x00, 'x-memo', 'same')]);

  it('the same bytes give the same block, marked as repeated with its fields, from the third time on', () => {
    const decoder = new HpackDecoder(roomy);
    expect(decoded(decoder, wire)?.repeated).to.equal(false);
    const second = decoded(decoder, wire);
    expect(second?.repeated).to.equal(true);
    expect(second?.allFields.every((field) => field.repeated)).to.equal(true);
    expect(decoded(decoder, wire)).to.equal(second);
    expect(decoded(decoder, Buffer.concat([wire, hex('82')]))).not.to.equal(second);
  });

  it('is void once the table has changed', () => {
    const decoder = new HpackDecoder(roomy);
    decoded(decoder, literal(0x40, 'x-memo', 'old'));
    for (let again = 0; again < 4; again++)
      expect(blockPairs(decoded(decoder, hex('be')))).to.deep.equal([['x-memo', 'old']]);
    decoded(decoder, literal(0x40, 'x-memo', 'new'));
    expect(blockPairs(decoded(decoder, hex('be')))).to.deep.equal([['x-memo', 'new']]);
  });

  it('never answers for a block that changes the table', () => {
    const decoder = new HpackDecoder(roomy);
    for (let again = 1; again <= 5; again++) {
      decoded(decoder, literal(0x40, 'x-memo', 'in'));
      expect(decoder.entries().length).to.equal(again);
    }
    for (let again = 1; again <= 5; again++) {
      decoded(decoder, Buffer.concat([sizeUpdate(0), sizeUpdate(4096)]));
      expect(decoder.entries().length).to.equal(0);
    }
  });

  it('blocks that never come again do not push out one that does', () => {
    const decoder = new HpackDecoder(roomy);
    for (let again = 0; again < 2; again++) decoded(decoder, wire);
    const kept = decoded(decoder, wire);
    for (let unique = 0; unique < 2000; unique++) decoded(decoder, literal(0x00, 'x-id', `id ${unique}`));
    expect(decoded(decoder, wire)).to.equal(kept);
  });

  it('a block above 512 bytes is decoded every time', () => {
    const decoder = new HpackDecoder(roomy);
    const long = literal(0x00, 'x-long', 'v'.repeat(600));
    const blocks = new Set(Array.from({ length: 4 }, () => decoded(decoder, long)));
    expect(blocks.size).to.equal(4);
  });

  it('holds nothing of the buffer it read from', () => {
    const decoder = new HpackDecoder(roomy);
    const buffer = Buffer.from(wire);
    for (let again = 0; again < 3; again++) decoder.decode(buffer, 0, buffer.length);
    buffer.fill(0x82);
    expect(decoder.decode(buffer, 0, buffer.length)?.allFields.length).to.equal(buffer.length);
    expect(blockPairs(decoded(decoder, wire))?.at(-1)).to.deep.equal(['x-memo', 'same']);
  });
});

describe('HPACK decoder: oversize lists', () => {
  it('keep the fields up to the limit in bytes, counted with 32 for each', () => {
    const decoder = decoderOf(42 + 34);
    const wire = Buffer.concat([hex('82'), literal(0x00, 'a', '1'), hex('86')]);
    expect(blockPairs(decoded(decoder, wire))).to.deep.equal([
      [':method', 'GET'],
      ['a', '1'],
    ]);
    expect(decoder.oversize).to.equal(true);
    expect(blockPairs(decoded(decoder, hex('82')))).to.deep.equal([[':method', 'GET']]);
    expect(decoder.oversize).to.equal(false);
  });

  it('keep the fields up to the limit in number', () => {
    const decoder = decoderOf(1 << 20, 2);
    expect(decoded(decoder, hex('82 86'))?.allFields.length).to.equal(2);
    expect(decoder.oversize).to.equal(false);
    for (const wire of [hex('82 86 84'), Buffer.concat([hex('82 86'), literal(0x00, 'a', '1')])]) {
      expect(decoded(decoder, wire)?.allFields.length).to.equal(2);
      expect(decoder.oversize).to.equal(true);
    }
  });

  it('leave out a small field that follows a large one: what is kept is a beginning', () => {
    const decoder = decoderOf(100);
    const wire = Buffer.concat([literal(0x00, 'a', 'v'.repeat(100)), literal(0x00, 'b', '2')]);
    expect(blockPairs(decoded(decoder, wire))).to.deep.equal([]);
    expect(decoder.oversize).to.equal(true);
  });

  it('still feed the table', () => {
    const decoder = decoderOf(40);
    const wire = Buffer.concat([
      literal(0x40, 'large', 'v'.repeat(100)),
      literal(0x40, 'a', '1'),
      literal(0x00, 'b', '2'),
    ]);
    expect(blockPairs(decoded(decoder, wire))).to.deep.equal([]);
    expect(decoder.oversize).to.equal(true);
    expect(pairs(decoder.entries()).map(([name]) => name)).to.deep.equal(['a', 'large']);
    expect(blockPairs(decoded(decoder, hex('be')))).to.deep.equal([['a', '1']]);
  });

  it('empty the table with an entry that fits neither it nor the list', () => {
    const decoder = decoderOf(1000);
    decoded(decoder, literal(0x40, 'a', '1'));
    decoded(decoder, literal(0x40, 'huge', 'v'.repeat(5000)));
    expect([decoder.oversize, decoder.error, decoder.entries().length]).to.deep.equal([true, null, 0]);
  });

  it('are not remembered', () => {
    const decoder = decoderOf(50);
    for (let again = 0; again < 4; again++) {
      expect(decoded(decoder, hex('82 86'))?.allFields.length).to.equal(1);
      expect(decoder.oversize).to.equal(true);
    }
  });

  it('a bomb of indices into one large entry costs no memory', () => {
    const decoder = decoderOf(60 * 1024);
    decoded(decoder, literal(0x40, 'n', 'v'.repeat(4000)));
    const block = decoded(decoder, Buffer.alloc(1 << 20, 0xbe));
    expect(block?.allFields.length).to.equal(15);
    expect(new Set(block?.allFields).size).to.equal(1);
    expect(decoder.oversize).to.equal(true);
  });

  it('a bomb of Huffman-coded strings is measured, not made', () => {
    // 0x00 is the start of "0" after "0": 1 MiB of it would be 1.6 MiB of text in each of 8 fields.
    const value = Buffer.concat([integer(0x80, 7, 5 << 18), Buffer.alloc(5 << 18, 0)]);
    const wire = Buffer.concat(Array.from({ length: 8 }, () => Buffer.concat([hex('4001 61'), value])));
    const decoder = decoderOf(60 * 1024);
    decoded(decoder, wire);
    const before = process.memoryUsage();
    expect(decoded(decoder, wire)?.allFields.length).to.equal(0);
    const after = process.memoryUsage();
    expect([decoder.error, decoder.oversize]).to.deep.equal([null, true]);
    expect(after.heapUsed - before.heapUsed).to.be.below(1 << 20);
    expect(after.arrayBuffers - before.arrayBuffers).to.be.below(12 << 20); // the input, copied by this test
  });

  it('take a Huffman string whose true length fits though the bound on it does not', () => {
    // Byte 0x16 has 30 bits: 15 bytes stand for 4, where they could stand for 24.
    const value = Buffer.concat([
      hex('0001 61'),
      integer(0x80, 7, 15),
      hex('fffffffbffffffefffffffbffffffe'),
    ]);
    const decoder = decoderOf(32 + 1 + 4);
    expect(blockPairs(decoded(decoder, value))).to.deep.equal([['a', '\x16\x16\x16\x16']]);
    expect(decoder.oversize).to.equal(false);
    expect(decoded(decoderOf(32 + 1 + 3), value)?.allFields.length).to.equal(0);
  });

  it('judges a field by its own value, where it has its name from one that was judged by another', () => {
    const cases = [
      ['te', 'gzip', 'trailers', FieldKind.Regular],
      ['te', 'trailers', 'gzip', FieldKind.ConnectionSpecific],
      ['x-any', ' a', 'a', FieldKind.Regular],
      ['x-any', 'a', ' a', FieldKind.Malformed],
      ['host', 'a\0', 'a', FieldKind.Host],
    ] as const;
    for (const [name, first, second, kind] of cases) {
      const string = (text: string) => Buffer.from(`${String.fromCharCode(text.length)}${text}`, 'latin1');
      // A literal with incremental indexing, and one that has its name from it: index 62.
      const wire = Buffer.concat([
        Buffer.of(0x40),
        string(name),
        string(first),
        Buffer.of(0x7e),
        string(second),
      ]);
      const block = new HpackDecoder(roomy).decode(wire, 0, wire.length);
      expect([block?.allFields[1].name, block?.allFields[1].kind], `${name}: ${second}`).to.deep.equal([
        name,
        kind,
      ]);
    }
  });
});
