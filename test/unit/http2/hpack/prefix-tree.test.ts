import { expect } from 'chai';
import fc from 'fast-check';
import { constantField, type Field } from '../../../../src/core/field.ts';
import type { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { type PrefixNode, PrefixTree } from '../../../../src/http2/hpack/prefix-tree.ts';
import {
  grpcGoHeaders,
  grpcGoUnique,
  type Header,
  IndexingEncoder,
} from '../../../bench/wire/indexing-encoder.ts';

const limits = { tableBytesMax: 4096, listBytesMax: 65_536, fieldsMax: 100 };
const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => constantField(name, 'value'));

function walk(tree: PrefixTree, ...fields: Field[]): PrefixNode {
  return fields.reduce((node, field) => tree.next(node, field), tree.start());
}

const pairs = (block: HeaderBlock) => block.allFields.map(({ name, value }) => `${name}: ${value}`);
const expected = (headers: readonly Header[]) => headers.map(({ name, value }) => `${name}: ${value}`);

function decode(decoder: HpackDecoder, wire: Buffer): HeaderBlock {
  const bytes = Buffer.concat([Buffer.of(0xaa), wire, Buffer.of(0xaa)]);
  const block = decoder.decode(bytes, 1, bytes.length - 1);
  bytes.fill(0x55);
  if (block === null) throw new Error(decoder.error ?? '');
  return block;
}

describe('http2/hpack/prefix-tree', () => {
  it('gives the same fields the same repeated block, from their second time on', () => {
    const tree = new PrefixTree();
    expect(walk(tree, a, b, c, d).reached()).to.equal(null);
    const block = walk(tree, a, b, c, d).reached();
    expect(block?.fields).to.deep.equal([a, b, c, d]);
    expect(block?.repeated).to.equal(true);
    expect(walk(tree, a, b, c, d).reached()).to.equal(block);
  });

  it('keeps apart what begins in the same way', () => {
    const tree = new PrefixTree();
    const heads = [
      [a, b, c, d],
      [a, b, c, d, e],
      [a, b, c, e],
      [a, b, d, c],
      [e, b, c, d],
    ];
    for (const head of heads) walk(tree, ...head).reached();
    for (const head of heads) expect(walk(tree, ...head).reached()?.fields).to.deep.equal(head);
    expect(walk(tree, a, b, c, d).listBytes).to.equal(4 * a.size);
    expect(walk(tree, a, b, c, d, e).fields()).to.deep.equal([a, b, c, d, e]);
  });

  it('makes no block of three fields, and none of equal fields that are not the same objects', () => {
    const tree = new PrefixTree();
    for (let i = 0; i < 3; i++) expect(walk(tree, a, b, c).reached()).to.equal(null);
    for (let i = 0; i < 3; i++)
      expect(walk(tree, a, b, c, constantField('d', 'value')).reached()).to.equal(null);
  });

  it('starts over when it is full', () => {
    const tree = new PrefixTree(6);
    walk(tree, a, b, c, d).reached();
    const block = walk(tree, a, b, c, d).reached();
    walk(tree, a, b, c, e);
    expect(walk(tree, a, b, c, d).reached(), 'five nodes').to.equal(block);
    walk(tree, a, b, c, constantField('f', ''));
    expect(walk(tree, a, b, c, d).reached(), 'six nodes').to.equal(null);
    expect(walk(tree, a, b, c, d).reached()).to.not.equal(block);
  });
});

describe('the decoder of a client that indexes every header', () => {
  const headers = grpcGoHeaders('localhost:50051', '/helloworld.Greeter/SayHello');

  it('gives every head the same base, however its ids shift and evict the rest of the table', () => {
    const decoder = new HpackDecoder(limits);
    const encoder = new IndexingEncoder();
    const bases = new Set<HeaderBlock | null>();
    for (let call = 1; call <= 1000; call++) {
      const unique = grpcGoUnique(call);
      const block = decode(decoder, encoder.encode([...headers, ...unique]));
      expect(pairs(block)).to.deep.equal(expected([...headers, ...unique]));
      // By then each of the repeated headers has been evicted and inserted twice.
      if (call > 100) bases.add(block.base);
      if (call > 100) expect(block.fields).to.have.length(unique.length);
    }
    expect(bases.size).to.equal(1);
    expect([...bases][0]?.repeated).to.equal(true);
  });

  it('gives a head of nothing but repeated headers the same block, though its bytes are new', () => {
    const decoder = new HpackDecoder(limits);
    const encoder = new IndexingEncoder();
    const blocks = Array.from({ length: 300 }, (_, call) => {
      decode(decoder, encoder.encode([...headers, ...grpcGoUnique(call + 1)]));
      return decode(decoder, encoder.encode(headers));
    }).slice(200);
    expect(new Set(blocks).size).to.equal(1);
    expect(pairs(blocks[0])).to.deep.equal(expected(headers));
  });

  it('keeps a sensitive header, and one behind a new one, out of the base', () => {
    const decoder = new HpackDecoder(limits);
    const encoder = new IndexingEncoder();
    const secret = Buffer.from([0x10, 1, 0x78, 1, 0x79]); // x: y, never indexed
    for (let call = 1; call <= 20; call++) {
      const [timeout, trace] = grpcGoUnique(call);
      const wire = [[...headers], [timeout], [headers[4]], [trace]].map((part) => encoder.encode(part));
      const block = decode(decoder, Buffer.concat([wire[0], secret, ...wire.slice(1)]));
      expect(block.allFields.map(({ name }) => name).slice(headers.length)).to.deep.equal([
        'x',
        'grpc-timeout',
        'content-type',
        'traceparent',
      ]);
      expect(block.allFields[headers.length].sensitive).to.equal(true);
      if (call > 4) expect(block.fields).to.have.length(4);
    }
  });

  it('keeps the limits, within the base and behind it', () => {
    const sizes = headers.map(({ name, value }) => name.length + value.length + 32);
    const whole = sizes.reduce((sum, size) => sum + size, 0);
    const cases: Array<[Partial<typeof limits>, number]> = [
      [{ fieldsMax: 8 }, 8],
      [{ fieldsMax: 7 }, 7],
      [{ fieldsMax: 5 }, 5],
      [{ listBytesMax: whole }, 7],
      [{ listBytesMax: whole - 1 }, 6],
    ];
    for (const [limit, kept] of cases) {
      const narrow = { ...limits, ...limit };
      const decoder = new HpackDecoder(narrow);
      const encoder = new IndexingEncoder();
      for (let call = 1; call <= 100; call++) {
        const all = [...headers, ...grpcGoUnique(call)];
        const block = decode(decoder, encoder.encode(all));
        expect(pairs(block)).to.deep.equal(expected(all.slice(0, kept)));
        expect(decoder.oversize).to.equal(true);
        expect(block.listBytes).to.be.at.most(narrow.listBytesMax);
      }
    }
  });

  it('decodes any order and mix of repeated and unique headers as they were encoded', () => {
    const header = fc.record({
      name: fc.constantFrom(':path', ':authority', 'te', 'user-agent', 'x-a', 'x-b', 'cookie'),
      value: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom('', 'a', '/a.B/C') },
        fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
      ),
    });
    const head = fc.array(header, { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(head, { maxLength: 8 }),
        fc.array(fc.nat(7), { maxLength: 60 }),
        (heads, order) => {
          const decoder = new HpackDecoder(limits);
          const encoder = new IndexingEncoder();
          for (const at of order) {
            const wanted = (heads[at % Math.max(heads.length, 1)] ?? []).map((one) => ({
              ...one,
              key: `${one.name}\n${one.value}`,
            }));
            expect(pairs(decode(decoder, encoder.encode(wanted)))).to.deep.equal(expected(wanted));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
