import { expect } from 'chai';
import fc from 'fast-check';
import { StreamTable } from '../../../src/http2/stream-table.ts';

interface Stream {
  readonly id: number;
  nextInSlot: Stream | null;
}

const streamOf = (id: number): Stream => ({ id, nextInSlot: null });

describe('http2/stream-table', () => {
  it('holds what a Map would, through collisions and growth', () => {
    // Ids far apart share slots; ids close together fill the table.
    const id = fc
      .oneof(
        fc.nat(60),
        fc.nat(5000),
        fc.nat(40).map((n) => n * 8192),
      )
      .map((n) => n * 2 + 1);
    const step = fc.record({ id, add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const table = new StreamTable<Stream>();
        const map = new Map<number, Stream>();
        for (const { id, add } of steps) {
          if (add && !map.has(id)) {
            const stream = streamOf(id);
            table.set(stream);
            map.set(id, stream);
          } else if (!add) {
            table.delete(id);
            map.delete(id);
          }
          expect(table.get(id)).to.equal(map.get(id));
        }
        expect(table.size).to.equal(map.size);
        for (const stream of map.values()) expect(table.get(stream.id)).to.equal(stream);
        const ids = table.all().map((stream) => stream.id);
        expect(ids.sort()).to.deep.equal([...map.keys()].sort());
      }),
      { numRuns: 200 },
    );
  });

  it('keeps 10,000 streams apart', () => {
    const table = new StreamTable<Stream>();
    for (let id = 1; id < 20_000; id += 2) table.set(streamOf(id));
    expect(table.size).to.equal(10_000);
    for (let id = 1; id < 20_000; id += 2) expect(table.get(id)?.id).to.equal(id);
    expect(table.get(20_001)).to.equal(undefined);
  });

  it('may lose any stream while its copy is walked', () => {
    const table = new StreamTable<Stream>();
    for (let id = 1; id < 100; id += 2) table.set(streamOf(id));
    for (const { id } of table.all()) table.delete(id);
    expect(table.size).to.equal(0);
    expect(table.all()).to.deep.equal([]);
  });

  it('starts small, and is small again after a burst', () => {
    const table = new StreamTable<Stream>();
    const slots = (): number => (table as unknown as { slots: unknown[] }).slots.length;
    expect(slots()).to.equal(16);
    for (let id = 1; id < 8000; id += 2) table.set(streamOf(id));
    expect(slots()).to.equal(4096);
    for (const { id } of table.all()) table.delete(id);
    expect(slots()).to.equal(16);
    table.set(streamOf(9001));
    expect(table.get(9001)?.id).to.equal(9001);
  });
});
