import { expect } from 'chai';
import { type Follower, replyTraffic, type Stage } from '../../../src/call/stage.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import { answer } from './attempt-policies.ts';
import { callRig, expectOver, failure, grpcHead, send } from './call-rig.ts';

const tooMuch: ReplyError = { code: 'overloaded', detail: 'too much', mayHaveProcessed: false };

/** A follower that writes down what it sees, and ends the request with the first byte of `refuses`. */
function watching(refuses = '') {
  const seen: string[] = [];
  const follower: Follower = {
    data(bytes, start, end, last) {
      const text = Buffer.from(bytes.subarray(start, end)).toString();
      seen.push(`${text}${last ? ' last' : ''}`);
      return refuses !== '' && text.startsWith(refuses) ? tooMuch : null;
    },
    trailers: (trailers) => void seen.push(`trailers ${trailers.get('x-sum')}`),
    settled: (record) => void seen.push(`settled ${record.endedBy}`),
  };
  const stage: Stage = {
    policy: 'watching',
    appliesTo: replyTraffic,
    request(request) {
      request.follow(follower);
      return null;
    },
  };
  return { seen, stage };
}

const delayed = { fault: { delay: { percent: 100, time: '50ms' } } };

describe('followers of a request', () => {
  it('see the body as it comes, its trailers, and the end of the request', () => {
    const { seen, stage } = watching();
    const rig = callRig({ stages: [stage] });
    const client = rig.call(grpcHead(), false);
    expect(seen).to.deep.equal([]);
    send(client, 'ab');
    send(client, 'c');
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '3']));
    answer(rig.order[0]);
    expect(seen).to.deep.equal(['ab', 'c', 'trailers 3', 'settled upstream']);
    expectOver(rig);
  });

  it('see what came while a stage before them delayed the request', () => {
    const { seen, stage } = watching();
    const rig = callRig({ policies: delayed, stages: [stage] });
    const whole = rig.call(grpcHead(), false);
    send(whole, 'ab', true);
    rig.clock.advance(50);
    expect(seen.splice(0)).to.deep.equal(['ab last']);
    const streamed = rig.call(grpcHead(), false);
    send(streamed, 'c');
    rig.clock.advance(50);
    send(streamed, 'd', true);
    expect(seen.splice(0)).to.deep.equal(['c', 'd last']);
    const withTrailers = rig.call(grpcHead(), false);
    send(withTrailers, 'e');
    withTrailers.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    rig.clock.advance(50);
    expect(seen.splice(0)).to.deep.equal(['e', 'trailers 1']);
    for (const stream of rig.order) answer(stream);
    expectOver(rig, 3);
  });

  it('may end the request by what came before them, and those after them see that end alone', () => {
    const [first, second] = [watching('a'), watching()];
    const rig = callRig({ policies: delayed, stages: [first.stage, second.stage] });
    const client = rig.call(grpcHead(), false);
    send(client, 'ab');
    rig.clock.advance(50);
    expect(first.seen).to.deep.equal(['ab', 'settled client']);
    expect(second.seen).to.deep.equal(['settled client']);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expect(rig.order).to.have.length(0);
    expectOver(rig);
  });

  it('let what they have seen go on to the endpoint, whether they look at the body or not', () => {
    const seen: string[] = [];
    const silent: Stage = {
      policy: 'silent',
      appliesTo: replyTraffic,
      request(request) {
        request.follow({ settled: ({ endedBy }) => void seen.push(endedBy) });
        return null;
      },
    };
    for (const stages of [
      [silent, silent],
      [watching().stage, silent, watching().stage],
    ])
      for (const policies of [{}, delayed]) {
        const rig = callRig({ policies, stages });
        const client = rig.call(grpcHead(), false);
        send(client, 'ab');
        rig.clock.advance(50);
        send(client, 'c', true);
        expect(rig.order[0].body.toString()).to.equal('abc');
        answer(rig.order[0]);
        expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
        expectOver(rig);
      }
    expect(seen).to.deep.equal(Array(6).fill('upstream'));
  });

  it('may end a request that is under way: its endpoint gets no more, and the others see its end alone', () => {
    const [first, second] = [watching('b'), watching()];
    const rig = callRig({ stages: [first.stage, second.stage] });
    const client = rig.call(grpcHead(), false);
    send(client, 'a');
    send(client, 'b');
    expect(first.seen).to.deep.equal(['a', 'b', 'settled client']);
    expect(second.seen).to.deep.equal(['a', 'settled client']);
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 1', 'reset CANCEL']);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expectOver(rig);
  });

  it('see the end of a request that its client cancelled', () => {
    const { seen, stage } = watching();
    const rig = callRig({ stages: [stage] });
    rig.call(grpcHead(), false).receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(seen).to.deep.equal(['settled client']);
    expectOver(rig);
  });
});
