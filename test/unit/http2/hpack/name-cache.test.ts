import { expect } from 'chai';
import { FieldKind } from '../../../../src/core/field.ts';
import { NameCache } from '../../../../src/http2/hpack/name-cache.ts';

describe('HPACK name cache', () => {
  let cache: NameCache;
  beforeEach(() => {
    cache = new NameCache();
  });

  it('gives the string back for the same bytes in the same coding, from anywhere in a buffer', () => {
    const wire = Buffer.from('..x-cache-test-1..');
    expect(cache.find(wire, 2, 16, false)).to.equal(null);
    cache.keep(wire, 2, 16, false, 'x-cache-test-1');
    expect(cache.find(Buffer.from('x-cache-test-1'), 0, 14, false)?.name).to.equal('x-cache-test-1');
    expect(cache.find(Buffer.from('x-cache-test-1'), 0, 14, true)).to.equal(null);
    expect(cache.find(Buffer.from('x-cache-test-2'), 0, 14, false)).to.equal(null);
  });

  it('does not read the buffer again', () => {
    const wire = Buffer.from('x-cache-test-3');
    cache.keep(wire, 0, wire.length, false, 'x-cache-test-3');
    wire.fill(0);
    expect(cache.find(Buffer.from('x-cache-test-3'), 0, 14, false)?.name).to.equal('x-cache-test-3');
  });

  it('does not keep a long name, nor spell it', () => {
    const wire = Buffer.from('n'.repeat(33));
    expect(cache.keep(wire, 0, 32, false, 'n'.repeat(32)).encodedName?.name).to.equal('n'.repeat(32));
    expect(cache.keep(wire, 0, 33, false, 'n'.repeat(33)).encodedName).to.equal(null);
    expect(cache.find(wire, 0, 33, false)).to.equal(null);
  });

  it('spells the names that have no meaning to us', () => {
    const spelt = (name: string) => cache.keep(Buffer.from(name), 0, name.length, false, name).encodedName;
    expect(Buffer.from(spelt('x-id')!.prefix).toString('latin1')).to.equal('\0\x04x-id');
    expect(Buffer.from(spelt('authorization')!.prefix).toString('latin1')).to.equal('\x0f\x08');
    for (const name of ['te', 'host', ':path', 'traceparent', 'X-Id', 'content-length'])
      expect(spelt(name), name).to.equal(null);
  });

  it('knows what every field of the name is, except of te', () => {
    const kindOf = (name: string) => cache.keep(Buffer.from(name), 0, name.length, false, name).kind;
    expect(['te', 'host', ':what', 'x-any', 'X-Any', 'n'.repeat(40)].map(kindOf)).to.deep.equal([
      undefined,
      FieldKind.Host,
      FieldKind.UnknownPseudo,
      FieldKind.Regular,
      FieldKind.Malformed,
      FieldKind.Regular,
    ]);
  });
});
