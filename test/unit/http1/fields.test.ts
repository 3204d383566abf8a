import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { pushFraming, readFields, removeField, writeFields } from '../../../src/http1/fields.ts';

const pairs = (fields: readonly Field[]) => fields.map(({ name, value }) => `${name}: ${value}`);
const none: ReadonlySet<string> = new Set();

describe('http1/fields', () => {
  describe('readFields', () => {
    it('keeps end-to-end fields in order, repeats too, in lower case', () => {
      const read = readFields(['X-A', '1', 'Set-Cookie', 'a', 'set-cookie', 'b', 'ETag', '"x"']);
      expect(pairs(read.value?.fields ?? [])).to.deep.equal([
        'x-a: 1',
        'set-cookie: a',
        'set-cookie: b',
        'etag: "x"',
      ]);
    });

    it('drops what ends at this hop, and what Connection nominates, wherever it stands', () => {
      const read = readFields([
        ...['X-Hop', '1', 'Connection', 'close, X-Hop', 'Keep-Alive', 'timeout=5', 'TE', 'trailers'],
        ...[
          'Upgrade',
          'h2c',
          'HTTP2-Settings',
          'AAMA',
          'Proxy-Connection',
          'x',
          'connection',
          ' x-two ,',
          'x-two',
          '2',
          'x-3',
          '3',
        ],
      ]);
      expect(pairs(read.value?.fields ?? [])).to.deep.equal(['x-3: 3']);
    });

    it('says what the section says of its framing', () => {
      const read = readFields([
        'Host',
        'a',
        'host',
        'b',
        'Transfer-Encoding',
        'GZIP, chunked',
        'Content-Length',
        '007',
      ]);
      expect(read.value).to.deep.include({
        hosts: ['a', 'b'],
        codings: ['gzip', 'chunked'],
        contentLength: 7,
      });
      expect(pairs(read.value?.fields ?? [])).to.deep.equal(['content-length: 7']);
    });

    it('takes equal content-lengths for one and refuses what differs or is no number', () => {
      expect(
        pairs(readFields(['content-length', '4', 'content-length', '4']).value?.fields ?? []),
      ).to.have.length(1);
      for (const [a, b] of [
        ['4', '5'],
        ['4', 'x'],
        ['', '4'],
        ['-1', '-1'],
        ['1e3', '1e3'],
        ['9'.repeat(16), '0'],
      ]) {
        expect(readFields(['content-length', a, 'content-length', b]).error, `${a} ${b}`).to.be.a('string');
      }
    });

    it('refuses bytes that no field may hold', () => {
      for (const value of ['a\r\nb', 'a\nb', 'a\0b', ' a', 'a\x7f'])
        expect(readFields(['x', value]).error).to.be.a('string');
      expect(readFields(['x y', 'a']).error).to.be.a('string');
    });
  });

  describe('writeFields', () => {
    it('leaves out pseudo-headers, hop-by-hop fields, content-length and what is skipped', () => {
      const block = HeaderBlock.of(
        [':status', '200'],
        ['content-length', '3'],
        ['te', 'trailers'],
        ['connection', 'x'],
        ['a', '1'],
        ['a', '2'],
        ['host', 'h'],
      );
      expect(writeFields(block, new Set(['host'])).value).to.deep.equal({
        raw: ['a', '1', 'a', '2'],
        contentLength: 3,
      });
    });

    it('reads a block that stands on a base', () => {
      const block = new HeaderBlock([new Field('b', '2')], HeaderBlock.of(['a', '1']));
      expect(writeFields(block, none).value?.raw).to.deep.equal(['a', '1', 'b', '2']);
    });

    it('refuses what could split a message', () => {
      expect(writeFields(HeaderBlock.of(['x', 'a\r\ny: b']), none).error).to.be.a('string');
      expect(
        writeFields(HeaderBlock.of(['content-length', '1'], ['content-length', '2']), none).error,
      ).to.be.a('string');
    });
  });

  it('adds framing and removes a field from a raw list', () => {
    const raw = ['a', '1', 'b', '2', 'a', 'b'];
    removeField(raw, 'a');
    pushFraming(raw, 5);
    pushFraming(raw, 'chunked');
    expect(raw).to.deep.equal(['b', '2', 'content-length', '5', 'transfer-encoding', 'chunked']);
  });
});
