import { expect } from 'chai';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { callRig, grpcHead } from '../../call/call-rig.ts';
import { minimal, problemsOf } from '../../config/support.ts';

type Pair = readonly [string, string];

/** The head that an endpoint gets, and whether an HTTP/1.1 connection would add to it. */
function sent(forwarded: { readonly [key: string]: Raw } | undefined, ...came: readonly Pair[]) {
  const rig = callRig({ policies: forwarded === undefined ? {} : { forwarded } });
  rig.pools[0].atOnce = null;
  rig.call(grpcHead(...came));
  const { forwardsClient } = rig.pools[0].asked[0];
  rig.pools[0].grant();
  const [head] = rig.order[0].heads;
  return { forwardsClient, head };
}

describe('policies/forwarded', () => {
  it('without it, HTTP/1.1 connections say who the client is', () => {
    const { forwardsClient, head } = sent(undefined);
    expect(forwardsClient).to.equal(true);
    expect(head.get('x-forwarded-for')).to.equal(undefined);
  });

  it('writes the headers for every protocol, and connections add nothing', () => {
    const { forwardsClient, head } = sent({}, ['x-forwarded-for', '198.51.100.1']);
    expect(forwardsClient).to.equal(false);
    expect(head.all('x-forwarded-for')).to.deep.equal(['198.51.100.1, 127.0.0.9']);
    expect([head.get('x-forwarded-proto'), head.get('x-forwarded-host')]).to.deep.equal(['http', 'orders']);
    expect([head.get('x-forwarded-port'), head.get('forwarded')]).to.deep.equal([undefined, undefined]);
  });

  it('set replaces what came', () => {
    const { head } = sent({ mode: 'set' }, ['x-forwarded-for', 'a'], ['forwarded', 'for=a']);
    expect([head.all('x-forwarded-for'), head.all('forwarded')]).to.deep.equal([['127.0.0.9'], []]);
  });

  it('off leaves the head as it came', () => {
    const { forwardsClient, head } = sent({ mode: 'off' }, ['x-forwarded-for', 'a']);
    expect(forwardsClient).to.equal(false);
    expect(head).to.deep.include({ base: null });
    expect(head.all('x-forwarded-for')).to.deep.equal(['a']);
    expect(head.get('x-forwarded-proto')).to.equal(undefined);
  });

  it('reports what does not belong together', () => {
    const said = (written: string): string[] =>
      problemsOf(minimal({ route: `, forwarded: ${written}` })).map((line) =>
        line.replace(/^.*routes\[0\]\./, ''),
      );
    expect(said('{ mode: set, trustedHops: 1 }')).to.deep.equal([
      'forwarded.trustedHops: 1 is for mode: append, and this is mode: set; write mode: append, or leave it out',
    ]);
    expect(said('{ headers: [] }')[0]).to.match(/is empty; write \[x-forwarded-for\], or mode: off/);
    expect(said('{ mode: set, headers: [] }')).to.deep.equal([]);
    expect(said('{ headers: [x-forwarded-fro] }')[0]).to.match(/did you mean x-forwarded-for\?/);
    expect(said('{ mode: on }')[0]).to.match(/"on" is not known; write append, set or off/);
  });
});
