import { expect } from 'chai';
import { noPool } from '../../../src/upstream/no-pool.ts';
import type { OpenFailure, StreamOpener } from '../../../src/upstream/stream-opener.ts';

describe('noPool', () => {
  it('takes no calls', () => {
    const failures: OpenFailure[] = [];
    noPool.open({ openFailed: (failure: OpenFailure) => failures.push(failure) } as unknown as StreamOpener);
    expect(failures).to.deep.equal([
      { code: 'connect_failed', message: 'a cluster with protocol tcp or udp carries no requests' },
    ]);
    expect([noPool.connections, noPool.backingOff]).to.deep.equal([0, '']);
  });
});
