import { expect } from 'chai';
import fc from 'fast-check';
import {
  ReceiveWindow,
  SendWindow,
  windowBytesDefault,
  windowBytesMax,
} from '../../../src/http2/flow-window.ts';

describe('http2/flow-window', () => {
  describe('to send', () => {
    it('goes below zero when the initial size is lowered, and comes back: the example of its comment', () => {
      const window = new SendWindow(windowBytesDefault);
      window.take(60_000);
      expect(window.available).to.equal(5535);
      expect(window.add(16_384 - windowBytesDefault)).to.equal(true);
      expect(window.available).to.equal(-43_616);
      window.add(43_616);
      expect(window.available).to.equal(0);
      window.add(1);
      expect(window.available).to.equal(1);
    });

    it('the example of RFC 9113 section 6.9.2: 60 KB sent, the initial size set to 16 KB, leaves -44 KB', () => {
      const window = new SendWindow(64_000);
      window.take(60_000);
      window.add(16_000 - 64_000);
      expect(window.available).to.equal(-44_000);
    });

    it('may be as large as 2^31 - 1 and no larger', () => {
      const window = new SendWindow(windowBytesDefault);
      expect(window.add(windowBytesMax - windowBytesDefault)).to.equal(true);
      expect(window.available).to.equal(0x7fff_ffff);
      expect(window.add(1)).to.equal(false);
    });
  });

  describe('to receive', () => {
    it('refuses the first byte beyond what was granted', () => {
      const window = new ReceiveWindow(100);
      expect(window.receive(100)).to.equal(true);
      expect(window.receive(1)).to.equal(false);
    });

    it('gives credit back at half of its size, all that is owed at once', () => {
      const window = new ReceiveWindow(1000);
      window.receive(600);
      expect(window.release(300)).to.equal(0);
      expect(window.release(199)).to.equal(0);
      expect(window.release(1)).to.equal(500);
      expect(window.outstanding).to.equal(900);
      expect(window.release(100)).to.equal(0);
      expect(window.settle()).to.equal(100);
      expect(window.outstanding).to.equal(1000);
    });

    it('doubles while its data is taken, up to its bound', () => {
      const window = new ReceiveWindow(100, 350);
      const increments: number[] = [];
      for (let bytes = 0; bytes < 2000; bytes += 10) {
        expect(window.receive(10)).to.equal(true);
        const increment = window.release(10);
        if (increment > 0) increments.push(increment);
      }
      // 50 + 100 more, 100 + 150 more, then halves of 350.
      expect(increments.slice(0, 4)).to.deep.equal([150, 250, 180, 180]);
    });

    it('of a size below what the peer begins with grants that first, and works at its own size', () => {
      const window = new ReceiveWindow(16_384, 16_384, windowBytesDefault);
      expect(window.receive(60_000)).to.equal(true);
      window.shrink(windowBytesDefault - 16_384);
      expect(window.outstanding).to.equal(-43_616);
      // Below zero it takes no byte, but an empty frame needs none.
      expect(window.receive(0)).to.equal(true);
      expect(window.release(60_000)).to.equal(60_000);
      expect(window.outstanding).to.equal(16_384);
    });

    it('never grants more than its size beyond what it took: any run of both ends', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 5000 }),
          fc.integer({ min: 0, max: 5000 }),
          fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { maxLength: 60, size: 'max' }),
          (size, more, steps) => {
            const peer = new SendWindow(size);
            const window = new ReceiveWindow(size, size + more);
            let held = 0;
            for (const [send, take] of steps) {
              const sent = Math.min(send, peer.available);
              peer.take(sent);
              expect(window.receive(sent)).to.equal(true);
              held += sent;
              const taken = Math.min(take, held);
              held -= taken;
              peer.add(window.release(taken));
              expect(peer.available).to.equal(window.outstanding);
              expect(held + peer.available).to.be.at.most(size + more);
            }
            // Whatever happened, a stream whose data is all taken can go on.
            peer.add(window.release(held));
            expect(peer.available).to.be.above(0);
          },
        ),
        { numRuns: 300 },
      );
    });
  });
});
