import { expect } from 'chai';
import { configOf } from '../../../src/cli/run.ts';
import { policies as list } from '../../../src/policies/list.ts';
import { PartStore } from '../../../src/policies/parts.ts';
import { sameRoutes } from '../../../src/runtime/build-listener.ts';

describe('runtime/build-listener', () => {
  it('compiles routes again where a reload changes which request targets are served', () => {
    const listenerOf = (requestTarget: object) =>
      configOf({
        listeners: [
          {
            name: 'in',
            listen: '127.0.0.1:0',
            requestTarget,
            routes: [{ name: 'all', cluster: 'a' }],
          },
        ],
        clusters: [{ name: 'a', endpoints: [{ address: '127.0.0.1:1' }] }],
      }).listeners[0];
    const policies = { list, metrics: new Map(), parts: new PartStore() };
    const before = { config: listenerOf({}), clusters: new Map() };
    expect(sameRoutes(before, listenerOf({}), new Map(), policies)).to.equal(true);
    for (const changed of [
      { characters: 'rfc3986' },
      { normalizePath: false },
      { mergeSlashes: true },
      { escapedSlashes: 'reject' },
    ])
      expect(sameRoutes(before, listenerOf(changed), new Map(), policies), JSON.stringify(changed)).to.equal(
        false,
      );
  });
});
