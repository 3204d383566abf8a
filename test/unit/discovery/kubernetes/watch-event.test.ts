import { expect } from 'chai';
import fc from 'fast-check';
import { LineSplitter } from '../../../../src/discovery/kubernetes/line-splitter.ts';
import { parseListPage, parseWatchEvent } from '../../../../src/discovery/kubernetes/watch-event.ts';
import { sliceObject } from './fake-api-server.ts';

describe('events of a watch', () => {
  const good = {
    type: 'MODIFIED',
    object: sliceObject('orders-a', [{ address: '10.0.0.1', zone: 'a', hints: ['a'] }]),
  };
  const event = {
    ...good,
    object: { ...good.object, metadata: { ...good.object.metadata, resourceVersion: '7' } },
  };

  it('never throw, whatever replaces a part of them', () => {
    const paths = pathsOf(event);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const changed = structuredClone(event) as unknown as Record<string, unknown>;
        const last = path.at(-1)!;
        const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, changed);
        parent[last] = value;
        parseWatchEvent(JSON.stringify(changed));
        parseListPage(
          JSON.stringify({ kind: 'EndpointSliceList', metadata: changed.metadata, items: [changed.object] }),
        );
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.string(), (text) => void [parseWatchEvent(text), parseListPage(text)]));
    expect(parseWatchEvent(JSON.stringify(event)).value).to.include({ kind: 'put', version: '7' });
  });

  it('are the same however their bytes are split over reads', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\n', ''))),
        fc.array(fc.nat({ max: 40 })),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const splitter = new LineSplitter();
          const found: string[] = [];
          let at = 0;
          for (const size of [...sizes, bytes.length]) {
            found.push(...(splitter.push(bytes.subarray(at, at + size)) ?? []));
            at += size;
          }
          expect(found).to.deep.equal(lines);
        },
      ),
    );
  });
});

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...pathsOf(inner, [...path, key])]);
}
