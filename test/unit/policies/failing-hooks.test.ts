import { expect } from 'chai';
import { requestTraffic, type Stage } from '../../../src/call/stage.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import { bytes, callRig, expectOver, grpcHead, httpHead, replyHead } from '../call/call-rig.ts';

const error: ReplyError = { code: 'policy_failed', detail: 'the hook failed', mayHaveProcessed: false };
const stageWith = (hooks: Partial<Stage>): Stage => ({
  policy: 'test',
  appliesTo: requestTraffic,
  ...hooks,
});
const okTrailers = HeaderBlock.of(['grpc-status', '0']);
const retry = { retry: { on: ['unavailable'], headHold: '1s' } };

describe('a stage whose hook gives an error', () => {
  it('for an attempt: the endpoint gets no head, the client the error', () => {
    for (const policies of [{}, retry]) {
      const rig = callRig({ stages: [stageWith({ attempt: () => error })], policies });
      const client = rig.call(grpcHead());
      expect(rig.order[0].said).to.deep.equal(['reset CANCEL']);
      expect(client.heads[0].get('x-outrigger-error')).to.equal('policy_failed');
      expect(client.said).to.deep.equal(['head 200 end']);
      expect(rig.settled[0]).to.include({ error: 'policy_failed', grpcStatus: 13 });
      expectOver(rig);
    }
  });

  it('for the head of a reply: the client gets the error alone, whatever was held back behind the head', () => {
    for (const policies of [{}, retry]) {
      const rig = callRig({ stages: [stageWith({ reply: () => error })], policies });
      const client = rig.call(grpcHead());
      const { receiver } = rig.order[0];
      receiver!.head(replyHead(), false);
      rig.order[0].receiver?.trailers(okTrailers);
      expect(client.said, JSON.stringify(policies)).to.deep.equal(['head 200 end']);
      expect(client.heads[0].get('grpc-status')).to.equal('13');
      expectOver(rig);
    }
  });

  it('for the head of a whole reply of HTTP: 500, and no bytes of the endpoint', () => {
    const rig = callRig({ stages: [stageWith({ reply: () => error })] });
    const client = rig.call(httpHead());
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '204']), true);
    expect(client.heads.map(({ status }) => status)).to.deep.equal([500]);
    expect(client.body.toString()).to.match(/^the hook failed; /);
    expect(rig.settled[0]).to.include({ error: 'policy_failed', httpStatus: 500 });
    expectOver(rig);
  });

  it('for the trailers: the client gets trailers with the error behind the messages', () => {
    for (const policies of [{}, retry]) {
      const rig = callRig({ stages: [stageWith({ trailers: () => error })], policies });
      const client = rig.call(grpcHead());
      const { receiver } = rig.order[0];
      receiver!.head(replyHead(), false);
      const message = bytes('\0\0\0\0\0');
      receiver!.data(message, 0, message.length, false);
      receiver!.trailers(okTrailers);
      expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
      expect(client.trailersBlock?.get('grpc-status')).to.equal('13');
      expectOver(rig);
    }
  });

  it('for a reply of Outrigger itself: that reply stays as it is', () => {
    const rig = callRig({
      stages: [
        stageWith({
          request: () => ({ kind: 'error', error: { ...error, code: 'denied' } }),
          reply: () => error,
        }),
      ],
    });
    expect(rig.call(grpcHead()).heads[0].get('x-outrigger-error')).to.equal('denied');
    expectOver(rig);
  });
});
