import { expect } from 'chai';
import { RawFieldStore } from '../../../../src/http2/hpack/raw-field-store.ts';

const encodedName = { name: 'x-id', prefix: Buffer.from('\0\x04x-id') };

/** As the decoder does: reserve, write, make the field. */
function put(store: RawFieldStore, value: string, reserved = value.length) {
  store.reserve(reserved);
  store.chunk.bytes.write(value, store.position, 'latin1');
  return store.field(encodedName, value.length);
}

describe('HPACK byte store', () => {
  it('has no memory before the first value', () => {
    expect(new RawFieldStore().chunk.bytes.length).to.equal(0);
  });

  it('gives every value a place of its own, whatever comes after it', () => {
    const store = new RawFieldStore();
    const values = Array.from({ length: 2000 }, (_, i) => `${i}-`.repeat(1 + (i % 40)));
    const fields = values.map((value) => put(store, value, value.length * 2));
    expect(fields.map((field) => field.value)).to.deep.equal(values);
  });

  it('fills a chunk to its last byte', () => {
    const store = new RawFieldStore();
    const [first, second] = [put(store, 'a'.repeat(128)), put(store, 'b'.repeat(128))];
    expect(second.chunk).to.equal(first.chunk);
    expect([first.value, second.value]).to.deep.equal(['a'.repeat(128), 'b'.repeat(128)]);
  });

  it('takes chunks that double up to 4096 bytes, so that a kept field keeps no more', () => {
    const store = new RawFieldStore();
    const chunks = new Set(Array.from({ length: 1000 }, () => put(store, 'v'.repeat(100)).chunk));
    const lengths = [...chunks].map(({ bytes }) => bytes.length);
    expect(lengths.slice(0, 6)).to.deep.equal([256, 512, 1024, 2048, 4096, 4096]);
    expect(Math.max(...lengths)).to.equal(4096);
    // Values of 100 bytes: 2 + 5 + 10 + 20 in the first four chunks, 40 in each further one.
    expect(lengths.length).to.equal(4 + Math.ceil((1000 - 37) / 40));
    for (const { bytes, view } of chunks)
      expect([view.byteOffset, view.byteLength]).to.deep.equal([0, bytes.length]);
  });
});
