import { expect } from 'chai';
import { hashBytes } from '../../../../src/core/bytes.ts';
import { HpackCaches } from '../../../../src/http2/hpack/caches.ts';
import { HpackDecoder, type HpackDecoderOptions } from '../../../../src/http2/hpack/decoder.ts';

const bounds = { tableBytesMax: 4096, listBytesMax: 65_536, fieldsMax: 100 };

/** A literal without indexing by RFC 7541 section 6.2.2, name and value plain; `first` makes it another representation. */
function literal(name: string, value: string, first = 0x00): Buffer {
  const string = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  return Buffer.concat([Buffer.of(first), string(name), string(value)]);
}

/** The first field of a block that begins with `wire`, and goes on so that no two blocks are alike. */
let blocks = 0;
function fieldOf(decoder: HpackDecoder, wire: Buffer) {
  const bytes = Buffer.concat([wire, literal('x-unique', `${process.pid}-${++blocks}`)]);
  const block = decoder.decode(bytes, 0, bytes.length);
  if (block === null) throw new Error(decoder.error ?? '');
  return block.allFields[0];
}

describe('http2/hpack/literal-memo', () => {
  let caches: HpackCaches;
  let limits: HpackDecoderOptions;
  beforeEach(() => {
    caches = new HpackCaches();
    limits = { ...bounds, caches };
  });

  it('knows a literal from its third sight on, on every connection, as one field that repeats', () => {
    const wire = literal('x-memo-same', 'again');
    const [first, second, third] = [1, 2, 3].map(() => fieldOf(new HpackDecoder(limits), wire));
    expect([first.repeated, second.repeated, third.repeated]).to.deep.equal([false, true, true]);
    expect(third).to.equal(second);
    expect([third.name, third.value, third.sensitive]).to.deep.equal(['x-memo-same', 'again', false]);
  });

  it('is known to the decoders that share its caches, and to no other', () => {
    const bytes = literal('x-memo-same', 'again');
    for (let i = 0; i < 3; i++) fieldOf(new HpackDecoder(limits), bytes);
    expect(fieldOf(new HpackDecoder(limits), bytes).repeated).to.equal(true);
    for (const others of [{ ...bounds, caches: new HpackCaches() }, bounds])
      expect(fieldOf(new HpackDecoder(others), bytes).repeated).to.equal(false);
  });

  it('never takes a sensitive field for one that it knows, nor keeps it', () => {
    const decoder = new HpackDecoder(limits);
    for (let i = 0; i < 3; i++) fieldOf(decoder, literal('x-memo-secret', 'key'));
    for (let i = 0; i < 3; i++) {
      const field = fieldOf(new HpackDecoder(limits), literal('x-memo-secret', 'key', 0x10));
      expect([field.sensitive, field.repeated]).to.deep.equal([true, false]);
    }
  });

  it('does not keep what names its field by the dynamic table, where the same wire mean another', () => {
    const values = ['a', 'b'].map((name) => {
      const decoder = new HpackDecoder(limits);
      fieldOf(decoder, literal(`x-memo-${name}`, 'any', 0x40));
      // Name index 62: 15 in four bits, and 47 more.
      const byIndex = Buffer.concat([Buffer.of(0x0f, 47), Buffer.of(4), Buffer.from('same')]);
      return [1, 2, 3].map(() => fieldOf(decoder, byIndex).name);
    });
    expect(values).to.deep.equal([Array(3).fill('x-memo-a'), Array(3).fill('x-memo-b')]);
  });

  it('takes ids that count up for what they are: none repeats', () => {
    const decoder = new HpackDecoder(limits);
    for (let id = 1000; id < 3000; id++) {
      expect(fieldOf(decoder, literal('x-memo-id', `${id}`.padStart(40, '0'))).repeated).to.equal(false);
    }
  });

  it('counts what it knows against the limits of the block', () => {
    const wire = literal('x-memo-large', 'v'.repeat(40));
    for (let i = 0; i < 3; i++) fieldOf(new HpackDecoder(limits), wire);
    const decoder = new HpackDecoder({ ...limits, fieldsMax: 2 });
    const block = decoder.decode(Buffer.concat([wire, wire, wire]), 0, wire.length * 3);
    expect([block?.allFields.length, decoder.oversize]).to.deep.equal([2, true]);
    const small = new HpackDecoder({ ...limits, listBytesMax: 60 });
    small.decode(wire, 0, wire.length);
    expect(small.oversize).to.equal(true);
  });

  it('knows the next one by the one before it, without reading past the block', () => {
    const parts = [literal('x-memo-first', '1'), literal('x-memo-second', '2')];
    for (let i = 0; i < 3; i++) fieldOf(new HpackDecoder(limits), Buffer.concat(parts));
    const bytes = Buffer.concat(parts);
    const { literals } = caches;
    literals.startBlock();
    const first = literals.findNext(bytes, 0, bytes.length) ?? literals.find(bytes, 0, parts[0].length);
    expect(first).not.to.equal(null);
    const at = parts[0].length;
    expect(literals.findNext(bytes, at, bytes.length - 1)).to.equal(null);
    expect(literals.findNext(bytes, at, bytes.length)?.field.name).to.equal('x-memo-second');
    const cut = bytes.subarray(0, bytes.length - 1);
    const decoder = new HpackDecoder(limits);
    expect(decoder.decode(bytes, 0, cut.length)).to.equal(null);
    expect(decoder.error).to.equal('the header block ends inside a string');
  });

  it('keeps two fields of one head that share a slot', () => {
    const slotOf = (wire: Buffer) => hashBytes(wire, 0, wire.length, 0, wire.length) & 255;
    const one = literal('x-memo-slot', 'v');
    let other = one;
    for (let at = 0; other === one || slotOf(other) !== slotOf(one); at++)
      other = literal('x-memo-slot', `v${at}`);
    for (let i = 0; i < 3; i++) for (const wire of [one, other]) fieldOf(new HpackDecoder(limits), wire);
    const known = [one, other].map((wire) => caches.literals.find(wire, 0, wire.length)?.value);
    expect(known).to.deep.equal(['v', other.toString('latin1', 14)]);
  });
});
