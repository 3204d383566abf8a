import { expect } from 'chai';
import { replayBytesPerCallMax } from '../../../../src/call/replay-buffer.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import type { OpenFailure } from '../../../../src/upstream/stream-opener.ts';
import { callRig, expectOver, failure, grpcHead, replyHead, send } from '../call-rig.ts';

const refusedConnection: OpenFailure = { code: 'connect_failed', message: 'no connection: refused' };

describe('Call: what never left or was refused', () => {
  it('goes to another endpoint, with body and trailers, and is credited once', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(grpcHead(), false);
    send(client, 'hello');
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    const first = rig.pools.find((pool) => pool.streams.length === 1)!;
    const second = rig.pools.find((pool) => pool !== first)!;
    first.streams[0].receiver!.sent(5);
    first.streams[0].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    const [stream] = second.streams;
    expect(stream.said).to.deep.equal(['head POST', 'data 5', 'trailers']);
    expect(stream.body.toString()).to.equal('hello');
    stream.receiver!.sent(5);
    expect(client.credit).to.equal(5);
    stream.receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(rig.settled[0].attempts).to.have.length(2);
    // Being refused is no failure of the endpoint.
    expect(rig.endpoints.map(({ error }) => error)).to.deep.equal([0, 0]);
    expectOver(rig);
  });

  it('goes round all endpoints while none can be connected to, once each', () => {
    const rig = callRig({ endpoints: 4 });
    for (const pool of rig.pools) pool.atOnce = refusedConnection;
    const client = rig.call(grpcHead());
    expect(rig.settled[0].attempts.map(({ endpoint }) => endpoint).sort()).to.deep.equal(
      rig.endpoints.map(({ address }) => address),
    );
    expect(client.heads[0].get('x-outrigger-error')).to.equal('connect_failed');
    expectOver(rig);
  });

  it('refused by the only endpoint, it goes there once more', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    const { streams } = rig.pools[0];
    streams[0].receiver!.failed(failure('refused'));
    expect(streams).to.have.length(2);
    streams[1].receiver!.failed(failure('refused'));
    expect(streams).to.have.length(2);
    expect(client.heads[0].get('grpc-status')).to.equal(String(GrpcStatus.UNAVAILABLE));
    expectOver(rig);
  });

  it('refused, and then the pool has no room: it ends, and does not ask for ever', () => {
    const rig = callRig();
    const client = rig.call(grpcHead());
    rig.pools[0].atOnce = { code: 'overloaded', message: 'full' };
    rig.pools[0].streams[0].receiver!.failed(failure('refused'));
    expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expect(rig.settled[0].attempts).to.have.length(2);
    expectOver(rig);
  });

  it('is not retried once the reply has begun', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(grpcHead());
    const { streams } = rig.pools.find((pool) => pool.streams.length === 1)!;
    streams[0].receiver!.head(replyHead(), false);
    streams[0].receiver!.failed(failure('refused'));
    expect(client.said).to.deep.equal(['head 200', 'trailers']);
    expect(client.trailersBlock?.get('grpc-status')).to.equal('14');
    expectOver(rig);
  });

  it('is retried while no more of its body has left than a first window, however much has come', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(grpcHead(), false);
    const first = rig.pools.find((pool) => pool.streams.length === 1)!;
    const second = rig.pools.find((pool) => pool !== first)!;
    send(client, 'x'.repeat(65_535));
    first.streams[0].receiver!.sent(65_535);
    for (let i = 0; i < 3; i++) send(client, 'y'.repeat(65_535));
    first.streams[0].receiver!.failed(failure('refused'));
    expect(second.streams[0].body.toString()).to.equal('x'.repeat(65_535) + 'y'.repeat(3 * 65_535));
    second.streams[0].receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expectOver(rig);
  });

  it('is not retried when more of its body has left than is kept', () => {
    const rig = callRig({ endpoints: 2 });
    const client = rig.call(grpcHead(), false);
    const { streams } = rig.pools.find((pool) => pool.streams.length === 1)!;
    send(client, 'x'.repeat(replayBytesPerCallMax + 1));
    streams[0].receiver!.sent(replayBytesPerCallMax + 1);
    send(client, 'x');
    streams[0].receiver!.failed(failure('refused'));
    expect(client.heads[0].get('x-outrigger-error')).to.equal('upstream_reset');
    expectOver(rig);
  });
});
