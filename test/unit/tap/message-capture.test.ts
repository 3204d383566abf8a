import { expect } from 'chai';
import fc from 'fast-check';
import { CaptureBudget, type CapturedMessage, MessageCapture } from '../../../src/tap/message-capture.ts';

const budgetBytes = 1_000;

interface Rig {
  readonly capture: MessageCapture;
  readonly budget: CaptureBudget;
  readonly messages: CapturedMessage[];
}

function rig(framed: boolean, messagesMax = 10, messageBytesMax = 100): Rig {
  const budget = new CaptureBudget(budgetBytes);
  const messages: CapturedMessage[] = [];
  const limits = { messagesMax, messageBytesMax };
  return {
    capture: new MessageCapture(framed, limits, budget, (one) => messages.push(one)),
    budget,
    messages,
  };
}

function frame(body: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** Gives bytes in pieces that end at these positions. */
function add(capture: MessageCapture, bytes: Uint8Array, ends: readonly number[]): void {
  let at = 0;
  for (const end of [...ends.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    // In a block of which other parts are not the capture's.
    const block = Buffer.concat([Buffer.from('xx'), bytes.subarray(at, end), Buffer.from('yy')]);
    capture.add(block, 2, 2 + end - at);
    block.fill(0);
    at = end;
  }
}

describe('tap: captured messages', () => {
  it('are the messages of the body, however its bytes are split', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat()), (sent, ends) => {
        const { capture, budget, messages } = rig(true);
        add(capture, Buffer.concat(sent.map((body, i) => frame(body, i % 2))), ends);
        capture.end();
        expect(messages.map(({ body }) => [...body!])).to.deep.equal(sent.map((body) => [...body]));
        expect(messages.map(({ compressed }) => compressed)).to.deep.equal(sent.map((_, i) => i % 2 === 1));
        expect(capture.count).to.equal(sent.length);
        capture.release();
        expect(budget.available).to.equal(budgetBytes);
      }),
    );
  });

  it('are counted, and not kept, beyond their number', () => {
    const { capture, budget, messages } = rig(true, 2);
    add(capture, Buffer.concat([1, 2, 3, 4].map((n) => frame(Buffer.alloc(n)))), []);
    expect(messages.map(({ bytes }) => bytes)).to.deep.equal([1, 2]);
    expect(capture.count).to.equal(4);
    expect(budget.available).to.equal(budgetBytes - 3);
  });

  it('keep the length alone where they are too large', () => {
    const { capture, budget, messages } = rig(true);
    add(capture, Buffer.concat([frame(Buffer.alloc(101)), frame(Buffer.from('ok'))]), [3, 50]);
    expect(messages[0]).to.include({ bytes: 101, body: null, missing: 'large' });
    expect(String(messages[1].body)).to.equal(String(new Uint8Array(Buffer.from('ok'))));
    expect(budget.available).to.equal(budgetBytes - 2);
  });

  it('reserve nothing for a length that is only announced', () => {
    const { capture, budget, messages } = rig(true);
    capture.add(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2]), 0, 7);
    expect(budget.available).to.equal(budgetBytes);
    capture.end();
    expect(messages[0]).to.include({ body: null, missing: 'large' });
  });

  it('are left out where memory for all taps is used up', () => {
    const { capture, budget, messages } = rig(true);
    expect(budget.take(budgetBytes - 10)).to.equal(true);
    add(capture, Buffer.concat([frame(Buffer.alloc(11)), frame(Buffer.alloc(10))]), []);
    expect(messages.map(({ missing }) => missing)).to.deep.equal(['memory', '']);
    capture.release();
    expect(budget.available).to.equal(10);
  });

  it('are incomplete where the call ends within one', () => {
    const { capture, messages } = rig(true);
    add(capture, frame(Buffer.from('hello')).subarray(0, 8), []);
    capture.end();
    expect(messages[0]).to.include({ bytes: 3, body: null, missing: 'incomplete' });
  });

  it('are the whole body where it has no messages', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 120 }), fc.array(fc.nat()), (body, ends) => {
        const { capture, budget, messages } = rig(false);
        add(capture, body, ends);
        capture.end();
        expect(messages).to.have.length(1);
        expect(messages[0].bytes).to.equal(body.length);
        if (body.length > 100) expect(messages[0]).to.include({ body: null, missing: 'large' });
        else expect([...messages[0].body!]).to.deep.equal([...body]);
        capture.release();
        expect(budget.available).to.equal(budgetBytes);
      }),
    );
  });

  it('give their memory back once, one by one or all', () => {
    const { capture, budget, messages } = rig(true);
    add(capture, Buffer.concat([frame(Buffer.alloc(30)), frame(Buffer.alloc(20))]), []);
    capture.free(messages[0]);
    expect(budget.available).to.equal(budgetBytes - 20);
    capture.release();
    capture.free(messages[1]);
    expect(budget.available).to.equal(budgetBytes);
  });

  it('keep nothing of an unfinished message once its memory is given back', () => {
    const { capture, budget, messages } = rig(true);
    const bytes = frame(Buffer.alloc(30));
    capture.add(bytes, 0, 20);
    capture.release();
    expect(budget.available).to.equal(budgetBytes);
    capture.add(bytes, 20, bytes.length);
    expect(messages[0]).to.include({ body: null, missing: 'memory' });
  });
});
