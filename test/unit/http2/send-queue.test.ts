import { expect } from 'chai';
import { SendQueue } from '../../../src/http2/send-queue.ts';

/** A stream with so many frames to send; writes down each. */
function stream(id: number, frames: number, sent: number[], onSend: () => void = () => {}) {
  let left = frames;
  return {
    id,
    more(count: number) {
      left += count;
    },
    sendOneFrame() {
      if (left === 0) return false;
      left--;
      sent.push(id);
      onSend();
      return left > 0;
    },
  };
}

describe('http2/send-queue', () => {
  it('serves streams in turn, a frame each', () => {
    const queue = new SendQueue();
    const sent: number[] = [];
    queue.add(stream(1, 3, sent));
    queue.add(stream(3, 1, sent));
    queue.add(stream(5, 2, sent));
    queue.serve(() => true);
    expect(sent).to.deep.equal([1, 3, 5, 1, 5, 1]);
    expect(queue.empty).to.equal(true);
  });

  it('stops where it may not go on, and goes on with the next in turn', () => {
    const queue = new SendQueue();
    const sent: number[] = [];
    for (const id of [1, 3, 5]) queue.add(stream(id, 2, sent));
    let room = 2;
    const mayGoOn = (): boolean => room-- > 0;
    queue.serve(mayGoOn);
    room = 2;
    queue.serve(mayGoOn);
    room = 100;
    queue.serve(mayGoOn);
    expect(sent).to.deep.equal([1, 3, 5, 1, 3, 5]);
  });

  it('holds a stream once, however often it asks', () => {
    const queue = new SendQueue();
    const sent: number[] = [];
    const one = stream(1, 1, sent);
    queue.add(one);
    queue.add(one);
    queue.serve(() => true);
    expect(sent).to.deep.equal([1]);
  });

  it('takes a stream back that left it', () => {
    const queue = new SendQueue();
    const sent: number[] = [];
    const one = stream(1, 1, sent);
    queue.add(one);
    queue.serve(() => true);
    one.more(1);
    queue.add(one);
    queue.serve(() => true);
    expect(sent).to.deep.equal([1, 1]);
  });

  it('serves in the same go a stream that was added by a frame of another', () => {
    const queue = new SendQueue();
    const sent: number[] = [];
    const late = stream(9, 1, sent);
    queue.add(stream(1, 1, sent, () => queue.add(late)));
    queue.serve(() => true);
    expect(sent).to.deep.equal([1, 9]);
    expect(queue.empty).to.equal(true);
  });
});
