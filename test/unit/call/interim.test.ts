import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { answer, expectAttemptsOver, hedgePolicy, retryPolicy } from './attempt-policies.ts';
import { callRig, expectOver, failure, grpcHead, httpHead, replyHead, send } from './call-rig.ts';

const hints = HeaderBlock.of([':status', '103'], ['link', '</style.css>']);

describe('Call: interim replies of an endpoint', () => {
  it('reach the client before the reply', () => {
    const rig = callRig();
    const client = rig.call(httpHead());
    const { receiver } = rig.order[0];
    receiver!.interim!(HeaderBlock.of([':status', '102']));
    receiver!.interim!(hints);
    expect(client.said).to.deep.equal(['interim 102', 'interim 103']);
    receiver!.head(replyHead(), true);
    expect(client.said).to.deep.equal(['interim 102', 'interim 103', 'head 200 end']);
    expectOver(rig);
  });

  it('do not reach a gRPC client', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.interim!(hints);
    expect(client.said).to.deep.equal([]);
    answer(rig.order[0]);
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expectOver(rig);
  });

  it('are no reply: another endpoint may still get what the first refused', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(httpHead());
    rig.order[0].receiver!.interim!(hints);
    rig.order[0].receiver!.failed(failure('refused'));
    expect(rig.order).to.have.length(2);
    rig.order[1].receiver!.head(replyHead(), true);
    expect(client.said).to.deep.equal(['interim 103', 'head 200 end']);
    expectOver(rig);
  });

  it('are held back with the reply where that may be dropped, and are dropped with it', () => {
    const policy = retryPolicy({ on: [503] });
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(httpHead());
    rig.order[0].receiver!.interim!(HeaderBlock.of([':status', '102']));
    rig.order[0].receiver!.head(replyHead('503'), true);
    rig.clock.advance(25);
    rig.order[1].receiver!.interim!(hints);
    expect(client.said).to.deep.equal([]);
    rig.order[1].receiver!.head(replyHead(), true);
    expect(client.said).to.deep.equal(['interim 103', 'head 200 end']);
    expectAttemptsOver(rig, policy);
  });

  it('of a hedge whose reply is not chosen do not reach the client', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(httpHead());
    rig.clock.advance(100);
    rig.order[0].receiver!.interim!(HeaderBlock.of([':status', '102']));
    rig.order[1].receiver!.interim!(hints);
    rig.order[1].receiver!.head(replyHead(), true);
    expect(client.said).to.deep.equal(['interim 103', 'head 200 end']);
    expectAttemptsOver(rig, policy);
  });
});

describe('Call: a client that waits for 100 (Continue)', () => {
  it('gets it once an endpoint has the head', () => {
    const rig = callRig();
    rig.pools[0].atOnce = null;
    const client = rig.call(httpHead('POST'), false, true);
    expect(client.said).to.deep.equal([]);
    rig.pools[0].grant();
    expect(client.said).to.deep.equal(['interim 100']);
    send(client, 'body', true);
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 4 last']);
    rig.order[0].receiver!.head(replyHead(), true);
    expectOver(rig);
  });

  it('gets the error instead where no endpoint is available', () => {
    const rig = callRig();
    rig.pools[0].atOnce = { code: 'connect_failed', message: 'no connection' };
    const client = rig.call(httpHead('POST'), false, true);
    expect(client.said[0]).to.equal('head 503');
    expectOver(rig);
  });

  it('gets the reply of a policy instead', () => {
    const rig = callRig({ policies: { respond: { status: 403 } } });
    const client = rig.call(httpHead('POST'), false, true);
    expect(client.said[0]).to.match(/^head 403/);
    expectOver(rig);
  });

  it('gets none where it has begun to send, or does not wait', () => {
    const rig = callRig();
    rig.pools[0].atOnce = null;
    const clients = [rig.call(httpHead('POST'), false, true), rig.call(httpHead('POST'), false)];
    send(clients[0], 'bo');
    rig.pools[0].grant();
    rig.pools[0].grant();
    for (const client of clients) {
      expect(client.said).to.deep.equal([]);
      client.receiver!.failed(failure('reset'));
    }
    expectOver(rig, 2);
  });
});
