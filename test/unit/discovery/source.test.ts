import { expect } from 'chai';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { sameEndpoints, withoutRepeats } from '../../../src/discovery/source.ts';

const spec = (changes: Partial<EndpointSpec> = {}): EndpointSpec => ({
  address: { kind: 'tcp', host: '10.0.0.1', port: 1 },
  weight: 1,
  zone: 'a',
  priority: 0,
  ...changes,
});
const other = spec({ address: { kind: 'tcp', host: '10.0.0.2', port: 1 } });

describe('sameEndpoints', () => {
  it('two lists of the same endpoints are the same', () => {
    expect(sameEndpoints([spec(), other], [spec(), other])).to.equal(true);
    expect(sameEndpoints([], [])).to.equal(true);
  });

  for (const [what, changes] of [
    ['address', { address: { kind: 'tcp', host: '10.0.0.1', port: 2 } }],
    ['weight', { weight: 2 }],
    ['zone', { zone: 'b' }],
    ['priority', { priority: 1 }],
  ] as ReadonlyArray<[string, Partial<EndpointSpec>]>) {
    it(`a change of ${what} alone, in the last endpoint alone, is a change`, () => {
      expect(sameEndpoints([other, spec()], [other, spec(changes)])).to.equal(false);
    });
  }

  it('one endpoint more or fewer, and another order, are changes', () => {
    expect(sameEndpoints([spec()], [spec(), other])).to.equal(false);
    expect(sameEndpoints([spec(), other], [spec()])).to.equal(false);
    expect(sameEndpoints([spec(), other], [other, spec()])).to.equal(false);
  });
});

describe('withoutRepeats', () => {
  it('keeps the first of each address, in order', () => {
    expect(withoutRepeats([spec(), other, spec({ weight: 9 })])).to.deep.equal([spec(), other]);
  });
});
