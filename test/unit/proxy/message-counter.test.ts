import { expect } from 'chai';
import fc from 'fast-check';
import { MessageCounter } from '../../../src/proxy/message-counter.ts';
import { grpcMessage } from '../../support/raw-http2.ts';

describe('MessageCounter', () => {
  it('counts messages whatever frames they come in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        (sizes, cuts) => {
          const body = Buffer.concat(sizes.map((size) => grpcMessage(Buffer.alloc(size, 0xff))));
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
