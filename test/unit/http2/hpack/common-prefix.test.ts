import { expect } from 'chai';
import type { HeaderBlock } from '../../../../src/core/header-block.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';

const limits = { tableBytesMax: 4096, listBytesMax: 65_536, fieldsMax: 100 };

/** A literal by RFC 7541 section 6.2, name and value plain; without indexing unless `first` says otherwise. */
function literal(name: string, value: string, first = 0x00): Buffer {
  const string = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  return Buffer.concat([Buffer.of(first), string(name), string(value)]);
}

const common = [
  Buffer.of(0x83, 0x86), // :method POST, :scheme http
  literal(':path', '/a.B/C'),
  literal('content-type', 'application/grpc'),
  literal('te', 'trailers'),
];
const named = (block: HeaderBlock) => block.allFields.map(({ name, value }) => `${name}=${value}`);

let unique = 0;
function decode(decoder: HpackDecoder, begin: readonly Buffer[], ...more: readonly Buffer[]): HeaderBlock {
  const bytes = Buffer.concat([...begin, literal('x-id', `${++unique}`), ...more]);
  const block = decoder.decode(bytes, 0, bytes.length);
  if (block === null) throw new Error(decoder.error ?? '');
  return block;
}

/** A decoder that knows what begins with `begin`. */
function taught(begin: readonly Buffer[], options = limits): HpackDecoder {
  const decoder = new HpackDecoder(options);
  for (let i = 0; i < 6; i++) decode(decoder, begin);
  return decoder;
}

describe('http2/hpack/common-prefix', () => {
  it('what all blocks of a peer begin with becomes one base, and they mean the same as ever', () => {
    const decoder = new HpackDecoder(limits);
    const blocks = Array.from({ length: 8 }, () => decode(decoder, common));
    for (const block of blocks) {
      const [method, scheme, path, type, te, id] = named(block);
      expect([method, scheme, path]).to.deep.equal([':method=POST', ':scheme=http', ':path=/a.B/C']);
      expect([type, te]).to.deep.equal(['content-type=application/grpc', 'te=trailers']);
      expect(id).to.match(/^x-id=\d+$/);
    }
    const [before, last] = blocks.slice(-2);
    expect(last.base).to.equal(before.base);
    expect(last.base).to.include({ repeated: true });
    expect(last.fields).to.have.length(1);
    expect(blocks[0].base).to.equal(null);
  });

  it('another beginning is read as it is, however long it is the same', () => {
    const decoder = taught(common);
    const other = [...common.slice(0, -1), literal('te', 'trailerx')];
    expect(named(decode(decoder, other)))
      .to.include('te=trailerx')
      .and.not.include('te=trailers');
    const bytes = Buffer.concat(common).subarray(0, -1);
    expect(decoder.decode(bytes, 0, bytes.length), 'cut off within it').to.equal(null);
    expect(decoder.error).to.equal('the header block ends inside a string');
  });

  it('takes up what a peer begins with from now on', () => {
    const decoder = taught(common);
    const other = [...common.slice(0, 1), literal(':path', '/a.B/D'), ...common.slice(2)];
    const blocks = Array.from({ length: 6 }, () => decode(decoder, other));
    expect(blocks.at(-1)?.base?.path).to.equal('/a.B/D');
  });

  const namesOf = (block: HeaderBlock | null) => block?.fields.map(({ name }) => name);
  const four = [':method', ':scheme', ':path', 'content-type'];

  it('ends before a field that is sensitive', () => {
    const begin = [...common.slice(0, -1), literal('te', 'trailers', 0x10), literal('x-after', 'v')];
    const decoder = taught(begin);
    expect(namesOf(decode(decoder, begin).base)).to.deep.equal(four);
  });

  it('ends before a field that is to be indexed, which the base has nevertheless once it repeats', () => {
    const begin = [...common.slice(0, -1), literal('te', 'trailers', 0x40)];
    const decoder = taught(begin);
    expect(namesOf(decode(decoder, begin).base)).to.deep.equal(four);
    const indexed = [...common.slice(0, -1), Buffer.of(0xbe)];
    for (let i = 0; i < 2; i++) decode(decoder, indexed);
    expect(namesOf(decode(decoder, begin).base)).to.deep.equal([...four, 'te']);
    expect(decoder.entries().map(({ name }) => name)).to.include('te');
  });

  it('ends before a field of the dynamic table, whose index means another one later', () => {
    const decoder = new HpackDecoder(limits);
    const insert = (value: string) => {
      const inserted = literal('x-inserted', value, 0x40);
      decoder.decode(inserted, 0, inserted.length);
    };
    const begin = [...common.slice(0, -1), Buffer.of(0xbe), literal('x-after', 'v')];
    insert('before');
    for (let i = 0; i < 6; i++) decode(decoder, begin);
    const { base } = decode(decoder, begin);
    expect(namesOf(base)).to.deep.equal([...four, 'x-inserted', 'x-after']);
    expect(base?.get('x-inserted')).to.equal('before');
    insert('after');
    for (let i = 0; i < 3; i++) expect(decode(decoder, begin).get('x-inserted')).to.equal('after');
  });

  it('counts towards the limits', () => {
    const decoder = taught(common, { ...limits, fieldsMax: 7 });
    const block = decode(decoder, common, literal('x-1', '1'), literal('x-2', '2'));
    expect([block.allFields.length, decoder.oversize]).to.deep.equal([7, true]);
    const whole = decode(taught(common), common).listBytes;
    const narrow = taught(common, { ...limits, listBytesMax: whole + 10 });
    expect(decode(narrow, common).listBytes).to.be.at.most(whole + 10);
    expect(narrow.oversize).to.equal(false);
    decode(narrow, common, literal('x-1', '1'));
    expect(narrow.oversize).to.equal(true);
  });
});
