import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { DynamicTable } from '../../../../src/http2/hpack/dynamic-table.ts';

/** A field of 40 bytes: 4 of name, 4 of value and 32. */
function field(number: number): Field {
  return new Field('name', String(number).padStart(4, '0'));
}
function values(table: DynamicTable): number[] {
  return table.entries().map((entry) => Number(entry.value));
}

describe('HPACK dynamic table', () => {
  it('has the newest entry first and evicts the oldest', () => {
    const table = new DynamicTable();
    table.resize(120);
    for (let number = 1; number <= 4; number++) table.insert(field(number));
    expect(values(table)).to.deep.equal([4, 3, 2]);
    expect(table.bytes).to.equal(120);
    expect(table.insertions).to.equal(4);
  });

  it('keeps its order when it grows and when it wraps', () => {
    const table = new DynamicTable();
    table.resize(40 * 100);
    for (let number = 1; number <= 1000; number++) table.insert(field(number));
    expect(values(table)).to.deep.equal(Array.from({ length: 100 }, (_, index) => 1000 - index));
  });

  it('is emptied by an entry larger than itself, which is no error', () => {
    const table = new DynamicTable();
    table.resize(100);
    table.insert(field(1));
    table.insert(new Field('n', 'v'.repeat(68)));
    expect(values(table)).to.deep.equal([]);
    expect(table.bytes).to.equal(0);
    table.insert(new Field('n', 'v'.repeat(67)));
    expect(table.bytes).to.equal(100);
  });

  it('evicts when it shrinks, and holds nothing at 0', () => {
    const table = new DynamicTable();
    for (let number = 1; number <= 3; number++) table.insert(field(number));
    table.resize(80);
    expect(values(table)).to.deep.equal([3, 2]);
    table.resize(0);
    table.insert(field(4));
    expect(values(table)).to.deep.equal([]);
    table.resize(4096);
    expect(values(table)).to.deep.equal([]);
  });

  it('changes its version with every insertion, eviction and resize, and not with a replacement', () => {
    const table = new DynamicTable();
    const seen = new Set([table.version]);
    const changes = [
      () => table.insert(field(1)),
      () => table.resize(4096),
      () => table.insert(new Field('n', 'v'.repeat(5000))),
      () => table.insert(field(2)),
      () => table.evictOldest(),
    ];
    for (const change of changes) {
      change();
      expect(seen.has(table.version)).to.equal(false);
      seen.add(table.version);
    }
    table.insert(field(3));
    const { version, bytes } = table;
    const equal = field(3);
    table.replace(0, equal);
    expect(table.at(0)).to.equal(equal);
    expect([table.version, table.bytes]).to.deep.equal([version, bytes]);
  });
});
