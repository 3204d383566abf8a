import { expect } from 'chai';
import type { RoutePlan } from '../../../src/call/route-plan.ts';
import { withTrueScheme } from '../../../src/call/true-scheme.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';

const open = { forwardsClient: true } as RoutePlan;
const own = { forwardsClient: false } as RoutePlan;
const peer = (scheme?: 'http' | 'https') => ({ address: '192.0.2.1', port: 1, scheme });
const head = (scheme: string, ...protos: string[]) =>
  HeaderBlock.of(
    [':method', 'GET'],
    [':scheme', scheme],
    [':path', '/'],
    ...protos.map((proto) => ['x-forwarded-proto', proto] as const),
    ['x-user', 'ada'],
  );

describe('withTrueScheme', () => {
  for (const [scheme, protos, connection, expected] of [
    ['https', [], 'http', 'http '],
    ['http', [], 'https', 'https '],
    ['ftp', [], 'http', 'http '],
    ['http', ['https'], 'http', 'http http'],
    ['https', ['https'], 'http', 'http http'],
    ['http', ['http', 'https'], 'http', 'http http'],
    ['https', ['http'], 'https', 'https https'],
  ] as const) {
    it(`${scheme} with x-forwarded-proto "${protos}" over ${connection} is ${expected}`, () => {
      const block = withTrueScheme(head(scheme, ...protos), peer(connection), open);
      expect(`${block.scheme} ${block.all('x-forwarded-proto')}`).to.equal(expected);
      expect([block.method, block.path, block.get('x-user')]).to.deep.equal(['GET', '/', 'ada']);
    });
  }

  it('is the head itself where it says the truth, and where others decide', () => {
    for (const [block, plan, scheme] of [
      [head('http'), open, 'http'],
      [head('https', 'https'), open, 'https'],
      [head('https', 'https'), own, 'http'],
      [head('https', 'https'), null, 'http'],
      [head('https', 'https'), open, undefined],
    ] as const)
      expect(withTrueScheme(block, peer(scheme), plan)).to.equal(block);
  });
});
