import { expect } from 'chai';
import type { Http1Pool } from '../../../src/http1/pool.ts';
import { http1StreamPool, noPool } from '../../../src/upstream/http1-pool.ts';
import type { OpenFailure, StreamOpener } from '../../../src/upstream/stream-opener.ts';
import { FakeStream } from '../call/call-rig.ts';

function opener(clientAddress: string, forwardsClient = true) {
  const heard: unknown[] = [];
  const asks = {
    clientAddress,
    forwardsClient,
    opened: (stream: unknown) => heard.push(stream),
    openFailed: (failure: OpenFailure) => heard.push(failure),
  } as unknown as StreamOpener;
  return { asks, heard };
}

describe('http1StreamPool', () => {
  it('has a stream for everyone at once, and names the endpoint in it', () => {
    const stream = new FakeStream();
    const opened: unknown[] = [];
    const closed: string[] = [];
    const pool = http1StreamPool({
      open: (receiver: unknown, clientAddress: unknown) => {
        opened.push([receiver, clientAddress]);
        return stream;
      },
      active: 3,
      fullBecause: '',
      close: () => closed.push('close'),
      destroy: () => closed.push('destroy'),
    } as unknown as Http1Pool);
    const named = opener('10.0.0.7');
    const unnamed = opener('');
    pool.open(named.asks);
    pool.open(unnamed.asks);
    const silent = opener('10.0.0.7', false);
    pool.open(silent.asks);
    expect(opened).to.deep.equal([
      [named.asks, '10.0.0.7'],
      [unnamed.asks, ''],
      [silent.asks, null],
    ]);
    expect([named.heard, unnamed.heard]).to.deep.equal([[stream], [stream]]);
    expect([pool.connections, pool.backingOff]).to.deep.equal([3, '']);
    pool.drain();
    pool.close();
    expect(closed).to.deep.equal(['close', 'destroy']);
  });

  it('says of its own limit that it is overloaded, and of the endpoint nothing', () => {
    const message = '10.0.0.1:80 is at its limit of 5 requests';
    const pool = http1StreamPool({ fullBecause: message } as unknown as Http1Pool);
    const refused = opener('');
    pool.open(refused.asks);
    expect(refused.heard).to.deep.equal([{ code: 'overloaded', message }]);
  });
});

describe('noPool', () => {
  it('takes no calls', () => {
    const { asks, heard } = opener('');
    noPool.open(asks);
    expect(heard).to.deep.equal([
      { code: 'connect_failed', message: 'a cluster with protocol tcp serves TCP connections only' },
    ]);
  });
});
