import { expect } from 'chai';
import fc from 'fast-check';
import { parseCall, parseWay } from '../../../../src/admin/replica-call/request.ts';

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('admin/replica-call/request', () => {
  it('reads a call, and takes empty texts for none', () => {
    const call = {
      method: '/a.B/C',
      data: '{}',
      listener: '',
      endpoint: '10.0.0.1:1',
      headers: [['X-A', 'b']],
    };
    expect(parseCall(body(call)).value).to.deep.equal({
      method: 'a.B/C',
      data: '{}',
      listener: undefined,
      endpoint: '10.0.0.1:1',
      headers: [['x-a', 'b']],
      timeoutMs: undefined,
    });
    expect(parseCall(body({ method: 'a.B/C', timeoutMs: 15_000 })).value).to.include({
      data: '',
      timeoutMs: 15_000,
    });
    expect(parseWay(Buffer.alloc(0)).value).to.deep.equal({
      listener: undefined,
      endpoint: undefined,
      headers: [],
    });
  });

  it('bounds each part of it', () => {
    const long = 'x'.repeat(2_049);
    for (const way of [{ listener: long }, { endpoint: long }, { headers: [['a', long]] }, { headers: 7 }])
      expect(parseWay(body(way)).error, JSON.stringify(way).slice(0, 20)).to.match(/^Write "/);
    expect(parseWay(body({ headers: Array(33).fill(['a', 'b']) })).error).to.include('at most 32 pairs');
    for (const timeoutMs of [0, -1, 1.5, 15_001, '5', null])
      expect(parseCall(body({ method: 'a.B/C', timeoutMs })).error, String(timeoutMs)).to.include(
        'whole number',
      );
  });

  it('never throws, whatever the body is', () => {
    const bodies = fc.oneof(
      fc.uint8Array(),
      fc.json(),
      fc.record({ method: fc.anything(), headers: fc.anything() }),
    );
    fc.assert(
      fc.property(bodies, (made) => {
        let bytes: Buffer;
        try {
          bytes =
            made instanceof Uint8Array
              ? Buffer.from(made)
              : Buffer.from(typeof made === 'string' ? made : JSON.stringify(made));
        } catch {
          return; // JSON has no such value
        }
        const { value, error } = parseCall(bytes);
        expect(value === undefined).to.equal(error !== undefined);
      }),
    );
  });
});
