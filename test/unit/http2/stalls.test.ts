import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { BufferBudget, leastShareBytes } from '../../../src/http2/buffer-budget.ts';
import type { ConnectionOptions } from '../../../src/http2/options.ts';
import { MemoryPair, Recorder } from '../../support/memory-pair.ts';
import { data, fragment, frame, headers, postHead, Scripted, settings, windowUpdate } from './support.ts';

const head = HeaderBlock.of([':method', 'POST'], [':scheme', 'http'], [':path', '/'], [':authority', 'a']);
const replyHead = HeaderBlock.of([':status', '200']);
const mebibyte = 1 << 20;

/** A server that answers each request with `bytes` bytes, and a client that reads none of them. */
function stalledPair(bytes: number, server: Partial<ConnectionOptions> = {}): MemoryPair {
  const pair = new MemoryPair({
    client: { streamWindowBytes: 16_384, streamWindowBytesMax: 16_384 },
    server,
  });
  pair.server.handler = (stream) => {
    stream.head(replyHead, false);
    stream.data(Buffer.alloc(bytes), 0, bytes, true);
  };
  pair.settle();
  return pair;
}

function stalledCall(pair: MemoryPair): Recorder {
  const recorder = new Recorder(true);
  pair.request(head, true, recorder);
  pair.settle();
  return recorder;
}

describe('http2 readers that stall', () => {
  it('are reset when nothing of what waits has left for more checks than allowed', () => {
    const pair = stalledPair(100_000);
    const recorder = stalledCall(pair);
    for (let check = 0; check < 5; check++) pair.server.connection.checkStalls(5, 5);
    pair.settle();
    expect(recorder.failures).to.deep.equal([]);
    pair.server.connection.checkStalls(5, 5);
    pair.settle();
    expect(recorder.failures.map(({ kind, code }) => [kind, code])).to.deep.equal([['reset', 0xb]]);
    expect(pair.server.requests[0].recorder.failures).to.have.length(1);
  });

  describe('that take a little in between', () => {
    /** A server with a reply of 50,000 bytes for a client that grants windows by hand; and whether it gave up. */
    function slowReader() {
      const server = new Scripted('server');
      server.handler = (stream) => {
        stream.head(replyHead, false);
        stream.data(Buffer.alloc(50_000), 0, 50_000, true);
      };
      server.send(settings([4, 0]), headers(1, postHead, true));
      const check = (times: number): boolean => {
        for (let i = 0; i < times; i++) server.connection.checkStalls(5, 5);
        return server.said().includes('RST_STREAM 1 11');
      };
      return { check, take: (bytes: number) => server.send(windowUpdate(1, bytes)) };
    }

    it('are not reset as long as that is a KiB each time', () => {
      const { check, take } = slowReader();
      for (let i = 0; i < 40; i++) {
        expect(check(5)).to.equal(false);
        take(1024);
      }
    });

    it('are reset when they stop, after as many checks as one that never took anything', () => {
      const { check, take } = slowReader();
      for (let i = 0; i < 3; i++) {
        check(5);
        take(2048);
      }
      expect(check(1 + 5)).to.equal(false);
      expect(check(1)).to.equal(true);
    });

    it('are reset when that is less than a KiB', () => {
      const { check, take } = slowReader();
      expect(check(3)).to.equal(false);
      take(1023);
      expect(check(2)).to.equal(false);
      expect(check(1)).to.equal(true);
    });

    it('are not credited with it twice', () => {
      const { check, take } = slowReader();
      take(1024);
      expect(check(1 + 3)).to.equal(false);
      take(1023);
      expect(check(2)).to.equal(false);
      expect(check(1)).to.equal(true);
    });

    it('are watched for a single byte that waits, and no more once nothing does', () => {
      for (const [grants, isStalled] of [
        [0, true],
        [1, false],
      ] as const) {
        const server = new Scripted('server');
        server.send(settings([4, 4]), headers(1, postHead, true), headers(3, postHead, true));
        for (const [index, size] of [5, 50_000].entries()) {
          server.requests[index].stream.head(replyHead, false);
          server.requests[index].stream.data(Buffer.alloc(size), 0, size, false);
        }
        server.connection.checkStalls(5, 5);
        if (grants > 0) server.send(windowUpdate(1, grants));
        for (let i = 0; i < 20; i++) {
          server.connection.checkStalls(5, 5);
          server.send(windowUpdate(3, 1024));
        }
        expect(server.said().includes('RST_STREAM 1 11')).to.equal(isStalled);
      }
    });

    it('are not reset when it adds up to a KiB before it is too late', () => {
      const { check, take } = slowReader();
      check(3);
      take(1000);
      check(2);
      take(24);
      expect(check(1 + 5)).to.equal(false);
      expect(check(1)).to.equal(true);
    });
  });

  it('are not, when nothing waits for them, however long', () => {
    const pair = stalledPair(0);
    pair.server.handler = (stream) => stream.head(replyHead, false);
    const recorder = stalledCall(pair);
    for (let check = 0; check < 10_000; check++) pair.server.connection.checkStalls(5, 5);
    pair.settle();
    expect(recorder.failures).to.deep.equal([]);
    expect(pair.server.error).to.equal(undefined);
  });

  it('of a whole connection end it', () => {
    const pair = stalledPair(100_000);
    stalledCall(pair);
    pair.server.connection.setTransportReady(false);
    for (let check = 0; check <= 6; check++) pair.server.connection.checkStalls(5, 5);
    expect(pair.server.error?.code).to.equal(0xb);
  });

  it('inside a frame at every check do not end a connection on which frames come all the time, only slowly', () => {
    const server = new Scripted('server');
    const credit = frame(8, 0, 0, Buffer.of(0, 0, 0, 1));
    server.send(credit.subarray(0, 5));
    for (let check = 0; check < 50; check++) {
      server.connection.checkStalls(1, 1);
      server.send(Buffer.concat([credit.subarray(5), credit.subarray(0, 5)]));
    }
    expect(server.error).to.equal(undefined);
    for (let check = 0; check < 3; check++) server.connection.checkStalls(1, 1);
    expect(server.error?.code).to.equal(0xb);
  });

  it('a frame that has only begun is no reason to end a connection, however long it had said nothing before', () => {
    const server = new Scripted('server');
    for (let check = 0; check < 5; check++) server.connection.checkStalls(0.5, 0.5);
    server.send(headers(1, postHead, false).subarray(0, 20));
    server.connection.checkStalls(0.5, 0.5);
    expect(server.error).to.equal(undefined);
    server.connection.checkStalls(0.5, 0.5);
    expect(server.error?.code).to.equal(0xb);
  });

  it('inside a header section end a connection to a server, though calls begin on it all the time', () => {
    const client = new Scripted('client');
    client.request();
    client.send(frame(1, 0, 1, fragment([':status', '200'])));
    for (let check = 0; check < 4 && client.error === undefined; check++) {
      client.request();
      client.connection.checkUnfinished(1);
    }
    expect(client.error?.code).to.equal(0xb);
  });

  it('inside a header section end the connection, though CONTINUATIONs of it come all the time', () => {
    const server = new Scripted('server');
    server.send(frame(1, 0, 1, fragment(...postHead)));
    for (let check = 0; check < 4 && server.error === undefined; check++) {
      server.connection.checkStalls(1, 1);
      server.send(frame(9, 0, 1, fragment(['x-more', String(check)])));
    }
    expect(server.error?.code).to.equal(0xb);
  });

  it('inside a frame or header section end the connection; inside DATA they do not, nor when others come and go', () => {
    const section = headers(1, postHead, false);
    const cases = [
      { half: section.subarray(0, 20), ends: true },
      { half: section.subarray(0, 3), ends: true },
      { half: frame(1, 0, 1, fragment(...postHead)), ends: true },
      { half: Buffer.concat([section, data(1, 'abcdef').subarray(0, 12)]), ends: false },
    ];
    for (const { half, ends } of cases) {
      const server = new Scripted('server');
      server.send(half);
      for (let check = 0; check <= 6; check++) server.connection.checkStalls(5, 5);
      expect(server.error?.code).to.equal(ends ? 0xb : undefined);
    }
    const busy = new Scripted('server');
    busy.send(section.subarray(0, 20));
    for (let id = 1; id < 99; id += 2) {
      busy.connection.checkStalls(5, 5);
      busy.send(
        Buffer.concat([
          headers(id, postHead, false).subarray(20),
          headers(id + 2, postHead, false).subarray(0, 20),
        ]),
      );
    }
    expect(busy.error).to.equal(undefined);
  });

  it('have their window grow only while they keep up, once an eighth of the budget is used', () => {
    const budget = new BufferBudget(1000);
    budget.add(126);
    const pair = new MemoryPair({ server: { budget, bufferedBytesMax: 1 << 30 } });
    pair.settle();
    const { stream } = pair.request(head, false);
    pair.settle();
    const { recorder } = pair.server.requests[0];
    recorder.stalled = true;
    const sent = (): number => {
      const before = recorder.bodyBytes;
      stream.data(Buffer.alloc(mebibyte), 0, mebibyte, false);
      pair.settle();
      return recorder.bodyBytes - before;
    };
    expect(sent()).to.equal(65_536);
    for (let i = 0; i < 100; i++) {
      // Half of what came is taken, as by somebody who is always behind.
      const taken = recorder.unread / 2;
      recorder.unread -= taken;
      recorder.stream!.consumed(taken);
      pair.settle();
      expect(recorder.unread).to.be.at.most(65_536);
    }
  });

  describe('a budget for all connections', () => {
    it('asks nothing below half, then a sixteenth of it, then the least share', () => {
      const budget = new BufferBudget(16 * mebibyte);
      budget.add(8 * mebibyte);
      expect([budget.shareBytes, budget.short]).to.deep.equal([Number.POSITIVE_INFINITY, false]);
      budget.add(1);
      expect([budget.shareBytes, budget.short]).to.deep.equal([mebibyte, true]);
      budget.add(8 * mebibyte);
      expect(budget.shareBytes).to.equal(leastShareBytes);
      budget.add(-budget.bytes);
      expect([budget.shareBytes, budget.short]).to.deep.equal([Number.POSITIVE_INFINITY, false]);
    });

    it('that runs short has those reset who hold more than their share, and nobody else', () => {
      const budget = new BufferBudget(4 * mebibyte);
      const greedy = stalledPair(500_000, { budget });
      const modest = stalledPair(100_000, { budget });
      const kept = stalledCall(modest);
      const recorders = Array.from({ length: 8 }, () => stalledCall(greedy));
      expect(budget.bytes).to.be.within(1.5 * mebibyte, 2 * mebibyte);
      expect(recorders.filter(({ failures }) => failures.length > 0)).to.have.length(4);
      expect(kept.failures).to.deep.equal([]);
      for (const pair of [greedy, modest]) pair.server.connection.transportClosed('gone');
      expect(budget.bytes).to.equal(0);
    });

    it('has calls ended on the next check when the process runs out of memory, the largest first, down to a share', () => {
      const budget = new BufferBudget(1000 * mebibyte);
      const greedy = stalledPair(500_000, { budget });
      const modest = stalledPair(100_000, { budget });
      const kept = stalledCall(modest);
      const recorders = Array.from({ length: 8 }, () => stalledCall(greedy));
      const check = (): void => {
        for (const pair of [greedy, modest]) {
          pair.server.connection.checkStalls(100, 100);
          pair.settle();
        }
      };
      check();
      expect(budget.bytes).to.be.greaterThan(2 * mebibyte);
      budget.press(true);
      expect([budget.short, budget.filling, budget.shareBytes]).to.deep.equal([true, true, leastShareBytes]);
      check();
      const ended = recorders.filter(({ failures }) => failures.length > 0);
      expect(ended.length).to.be.within(5, 8);
      expect(ended[0].failures[0].code).to.equal(0xb);
      expect(kept.failures).to.deep.equal([]);
      expect(budget.bytes).to.be.at.most(2 * leastShareBytes);
      budget.press(false);
      expect([budget.short, budget.shareBytes]).to.deep.equal([false, Number.POSITIVE_INFINITY]);
    });

    it('that runs short ends no call that waits on a check, unless the process runs out of memory', () => {
      const budget = new BufferBudget(4 * mebibyte);
      const pair = stalledPair(500_000, { budget });
      const recorders = Array.from({ length: 4 }, () => stalledCall(pair));
      // Others fill the budget: this connection holds more than its share now.
      budget.add(4 * mebibyte);
      pair.server.connection.checkStalls(100, 100);
      pair.settle();
      expect(recorders.filter(({ failures }) => failures.length > 0)).to.deep.equal([]);
      budget.press(true);
      pair.server.connection.checkStalls(100, 100);
      pair.settle();
      expect(recorders.filter(({ failures }) => failures.length > 0)).not.to.deep.equal([]);
    });

    it('that runs short has uploads held back, not reset', () => {
      const budget = new BufferBudget(mebibyte);
      budget.add(mebibyte);
      const pair = new MemoryPair({ server: { budget } });
      pair.settle();
      const uploads = Array.from({ length: 64 }, () => pair.request(head, false));
      pair.settle();
      for (const { recorder } of pair.server.requests) recorder.stalled = true;
      for (const { stream } of uploads) stream.data(Buffer.alloc(65_536), 0, 65_536, true);
      pair.settle();
      const held = pair.server.requests.reduce((sum, { recorder }) => sum + recorder.unread, 0);
      expect(held).to.be.within(leastShareBytes, leastShareBytes + mebibyte);
      for (const { recorder } of pair.server.requests) recorder.resume();
      pair.settle();
      for (const { recorder } of pair.server.requests) expect(recorder.bodyBytes).to.equal(65_536);
    });
  });
});
