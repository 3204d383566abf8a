import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { Http1Pool } from '../../../src/upstream/http1-pool.ts';
import { OpenerQueue, StreamWaits } from '../../../src/upstream/opener-queue.ts';
import { PoolTotals } from '../../../src/upstream/pool-totals.ts';
import { requestHead } from '../../support/client-end.ts';
import { poolDefaults } from '../../support/http1-pool.ts';
import { Recorder } from '../../support/memory-pair.ts';
import { until } from '../../support/until.ts';
import { Asker } from './pool-rig.ts';

describe('OpenerQueue', () => {
  it('serves in the order of arrival, and counts the waits of those that are served alone', () => {
    const clock = new VirtualClock();
    const waits = new StreamWaits();
    const queue = new OpenerQueue(clock, waits);
    const [a, b, c, d] = [new Asker(), new Asker(), new Asker(), new Asker()];
    queue.push(a, false);
    clock.advance(10);
    queue.push(b, true);
    queue.push(c, true);
    queue.push(d, true);
    expect([queue.remove(c), queue.remove(c), queue.length]).to.deep.equal([true, false, 3]);
    clock.advance(5);
    expect([queue.first, queue.serveFirst(clock.now()), queue.serveFirst(clock.now())]).to.deep.equal([
      a,
      a,
      b,
    ]);
    expect(queue.failFirst()).to.equal(d);
    expect(queue.serveFirst(clock.now())).to.equal(undefined);
    queue.push(c, true);
    expect([queue.takeAll(), queue.length]).to.deep.equal([[c], 0]);
    const { connect, limit } = waits;
    expect([connect.count, connect.sum, limit.count, limit.sum]).to.deep.equal([1, 0.015, 1, 0.005]);
  });
});

/** Asks for a stream and sends a request on it. */
class Http1Asker extends Recorder {
  readonly clientAddress = '192.0.2.7';
  readonly forwardsClient = true;
  opened(stream: NonNullable<Recorder['stream']>): void {
    this.stream = stream;
    stream.head(requestHead('GET'), true);
  }
  openFailed(): void {}
}

describe('Http1Pool', () => {
  it('counts how long requests waited for a connection, and how long because all were busy', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.resume()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const clock = new VirtualClock();
    const totals = new PoolTotals(1, 10);
    const pool = new Http1Pool(
      { kind: 'tcp', host: '127.0.0.1', port: (server.address() as { port: number }).port },
      null,
      { ...poolDefaults, totals, connectionsMax: 1 },
      { clock, scheduler: new FlushScheduler(), heads: new HeadCache() },
    );
    const askers = [new Http1Asker(), new Http1Asker()];
    for (const asker of askers) pool.open(asker);
    clock.advance(5);
    const { connect, limit } = totals.waits;
    await until(
      () => connect.count === 1 && sockets.length === 1,
      () => 'the first request got no connection',
    );
    expect([connect.sum, limit.count]).to.deep.equal([0.005, 0]);
    clock.advance(20);
    sockets[0].write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    await until(
      () => limit.count === 1,
      () => 'the second request did not get the connection',
    );
    expect([connect.count, limit.sum]).to.deep.equal([1, 0.025]);
    pool.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
