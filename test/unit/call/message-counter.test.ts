import { expect } from 'chai';
import fc from 'fast-check';
import { MessageCounter } from '../../../src/call/message-counter.ts';
import { grpcMessage } from '../../support/raw-http2.ts';

describe('MessageCounter', () => {
  it('counts messages whatever frames they come in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(0, 0xff),
        (sizes, cuts, fill) => {
          const body = Buffer.concat(sizes.map((size) => grpcMessage(Buffer.alloc(size, fill))));
          const counter = new MessageCounter();
          for (let at = 0, i = 0; at < body.length; i++) {
            const end = Math.min(at + cuts[i % cuts.length], body.length);
            counter.add(body, at, end);
            at = end;
          }
          expect(counter.count).to.equal(sizes.length);
        },
      ),
    );
  });

  it('reads a prefix that comes in two frames from its beginning', () => {
    for (let cut = 1; cut < 5; cut++) {
      const body = Buffer.concat(Array.from({ length: 100 }, () => grpcMessage(Buffer.alloc(1))));
      const counter = new MessageCounter();
      counter.add(body, 0, cut);
      counter.add(body, cut, body.length);
      expect(counter.count, `cut after ${cut}`).to.equal(100);
    }
  });

  it('reads all four bytes of a length, also where the message is there whole', () => {
    const sizes = [0x2_03_04, 0x3_05, 0x1_00_00, 0x1_00_03_02];
    for (const order of [sizes, sizes.toReversed()]) {
      const body = Buffer.concat([...order, 1, 2, 3].map((size) => grpcMessage(Buffer.alloc(size))));
      const counter = new MessageCounter();
      counter.add(body, 0, body.length);
      expect(counter.count).to.equal(sizes.length + 3);
    }
  });

  it('and where the message comes in pieces', () => {
    const counter = new MessageCounter();
    counter.add(Buffer.from('000100000a', 'hex'), 0, 5);
    const piece = Buffer.alloc(1 << 20);
    for (let i = 0; i < 16; i++) counter.add(piece, 0, piece.length);
    counter.add(piece, 0, 10);
    expect(counter.count).to.equal(1);
    counter.add(piece, 0, 5);
    expect(counter.count).to.equal(2);
  });

  it('counts a message once its prefix is whole', () => {
    const counter = new MessageCounter();
    const message = grpcMessage(Buffer.alloc(10));
    counter.add(message, 0, 4);
    expect(counter.count).to.equal(0);
    counter.add(message, 4, 5);
    expect(counter.count).to.equal(1);
  });

  it('is not put off by a length of four gigabytes', () => {
    const counter = new MessageCounter();
    counter.add(Buffer.from('00ffffffff', 'hex'), 0, 5);
    for (let i = 0; i < 100; i++) counter.add(Buffer.alloc(1000), 0, 1000);
    expect(counter.count).to.equal(1);
  });
});
