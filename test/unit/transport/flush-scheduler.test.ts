import { expect } from 'chai';
import { type Flushable, FlushScheduler } from '../../../src/transport/flush-scheduler.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Marks itself dirty once until flushed, as a socket binding does. */
class Connection implements Flushable {
  flushes = 0;
  onFlush: () => void = () => {};
  dirty = false;
  private readonly scheduler: FlushScheduler;
  constructor(scheduler: FlushScheduler) {
    this.scheduler = scheduler;
  }
  write(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.scheduler.add(this);
  }
  flush(): void {
    this.dirty = false;
    this.flushes++;
    this.onFlush();
  }
}

describe('http2/flush-scheduler', () => {
  it('flushes once per connection and turn, over many reads', async () => {
    const scheduler = new FlushScheduler();
    scheduler.active = 7;
    const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
    for (let read = 0; read < 5; read++) {
      scheduler.beginRead();
      one.write();
      one.write();
      two.write();
      scheduler.endRead();
    }
    expect([one.flushes, two.flushes]).to.deep.equal([0, 0]);
    await turn();
    expect([one.flushes, two.flushes]).to.deep.equal([1, 1]);
    await turn();
    expect([one.flushes, two.flushes]).to.deep.equal([1, 1]);
  });

  it('reads the sockets again before it writes for many calls to several connections, while that finds something', async () => {
    const scheduler = new FlushScheduler();
    scheduler.active = 8;
    const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
    const flushes = () => [one.flushes, two.flushes];
    for (const [round, finds] of [0, 1, 2, 3, 9].entries()) {
      one.write();
      two.write();
      for (let check = 0; check < Math.min(finds + 1, 4); check++) {
        await turn();
        expect(flushes(), `check ${check} of ${finds} that find something`).to.deep.equal([round, round]);
        if (check >= finds) continue;
        scheduler.beginRead();
        one.write(); // came in the meantime, and goes along
        scheduler.endRead();
      }
      await turn();
      expect(flushes(), `after ${finds} that found something`).to.deep.equal([round + 1, round + 1]);
    }
    one.write();
    await turn();
    expect(one.flushes, 'one connection alone has nothing to wait for').to.equal(6);
  });

  it('flushes at the end of the read with one call in flight, all that it dirtied', () => {
    const scheduler = new FlushScheduler();
    const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
    scheduler.active = 1;
    scheduler.beginRead();
    one.write();
    two.write();
    expect(one.flushes).to.equal(0);
    scheduler.endRead();
    expect([one.flushes, two.flushes]).to.deep.equal([1, 1]);
  });

  it('waits for the outermost of nested reads', () => {
    const scheduler = new FlushScheduler();
    const one = new Connection(scheduler);
    scheduler.beginRead();
    scheduler.beginRead();
    one.write();
    scheduler.endRead();
    expect(one.flushes).to.equal(0);
    scheduler.endRead();
    expect(one.flushes).to.equal(1);
  });

  it('flushes in the next turn what was written outside of a read', async () => {
    const scheduler = new FlushScheduler();
    const one = new Connection(scheduler);
    one.write();
    expect(one.flushes).to.equal(0);
    await turn();
    expect(one.flushes).to.equal(1);
  });

  it('leaves nothing unscheduled that a flush dirties, and gives it the next turn', async () => {
    for (const active of [0, 5]) {
      const scheduler = new FlushScheduler();
      scheduler.active = active;
      const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
      let left = 3;
      one.onFlush = () => {
        if (left-- > 0) one.write();
        two.write();
      };
      scheduler.beginRead();
      one.write();
      scheduler.endRead();
      for (let i = 0; i < 6; i++) await turn();
      expect(one.flushes).to.equal(4);
      expect(two.flushes).to.be.above(0);
      expect([one.dirty, two.dirty]).to.deep.equal([false, false]);
    }
  });

  it('does not flush inside a flush, even where one reads at once (sockets in memory do)', async () => {
    const scheduler = new FlushScheduler();
    const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
    const order: string[] = [];
    one.onFlush = () => {
      order.push('one begins');
      scheduler.beginRead();
      two.write();
      scheduler.endRead();
      order.push('one ends');
    };
    two.onFlush = () => order.push('two');
    scheduler.beginRead();
    one.write();
    scheduler.endRead();
    await turn();
    expect(order).to.deep.equal(['one begins', 'one ends', 'two']);
  });

  it('goes on after a flush that threw', async () => {
    const scheduler = new FlushScheduler();
    const [one, two] = [new Connection(scheduler), new Connection(scheduler)];
    one.onFlush = () => {
      throw new Error('our own bug');
    };
    scheduler.beginRead();
    one.write();
    expect(() => scheduler.endRead()).to.throw('our own bug');
    two.write();
    await turn();
    expect(two.flushes).to.equal(1);
  });
});
