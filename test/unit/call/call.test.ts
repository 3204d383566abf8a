import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { GrpcStatus } from '../../../src/core/grpc-status.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { bytes, callRig, expectOver, failure, grpcHead, httpHead, replyHead, send } from './call-rig.ts';

describe('Call', () => {
  it('relays a request and its reply, frame by frame, and settles once', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    const [stream] = rig.pools[0].streams;
    send(client, 'one');
    send(client, 'two', true);
    expect(stream.said).to.deep.equal(['head POST', 'data 3', 'data 3 last']);
    stream.receiver!.head(replyHead(), false);
    stream.receiver!.data(bytes('reply'), 0, 5, false);
    stream.receiver!.trailers(HeaderBlock.of(['grpc-status', '5']));
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expect(rig.settled[0]).to.include({
      grpcStatus: 5,
      httpStatus: 200,
      endedBy: 'upstream',
      error: '',
      requestBytes: 6,
      responseBytes: 5,
      route: 'hello',
      cluster: 'greeter',
      listener: 'in',
      path: '/a.B/C',
      clientAddress: '127.0.0.9',
    });
    expect(rig.endpoints[0]).to.include({ success: 0, error: 0, other: 1 });
    expectOver(rig);
  });

  it('is active from the pick to the end of the attempt', () => {
    const rig = callRig();
    rig.pools[0].atOnce = null;
    rig.call(grpcHead());
    expect([rig.cluster.active, rig.endpoints[0].active, rig.context.calls.active]).to.deep.equal([1, 1, 1]);
    rig.pools[0].grant();
    rig.pools[0].streams[0].receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expectOver(rig);
  });

  it('gives credit as bytes leave, in both directions', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    const [stream] = rig.pools[0].streams;
    send(client, 'hello');
    expect(client.credit).to.equal(0);
    stream.receiver!.sent(3);
    stream.receiver!.sent(2);
    expect(client.credit).to.equal(5);
    stream.receiver!.head(replyHead(), false);
    stream.receiver!.data(bytes('abc'), 0, 3, false);
    client.receiver!.sent(3);
    expect(stream.credit).to.equal(3);
  });

  it('a tunnel (CONNECT) goes nowhere, whatever the routes', () => {
    const rig = callRig();
    const client = rig.call(httpHead('CONNECT'), false);
    expect(client.heads[0].status).to.equal(404);
    expect(rig.settled[0].error).to.equal('no_route');
    expectOver(rig);
  });

  it('a call without a route goes nowhere', () => {
    const rig = callRig();
    const client = rig.call(httpHead('GET', '/other'));
    expect(client.said).to.deep.equal(['head 404', `data ${client.body.length} last`]);
    expect(rig.pools[0].streams).to.have.length(0);
    expect(rig.settled[0]).to.include({ error: 'no_route', route: '', cluster: '', httpStatus: 404 });
    expectOver(rig);
  });

  describe('a body that comes before there is a stream', () => {
    it('is held whole, however large the window was, and sent in one piece', () => {
      const rig = callRig();
      rig.pools[0].atOnce = null;
      const client = rig.call(grpcHead(), false);
      for (let i = 0; i < 5; i++) send(client, 'x'.repeat(50_000), i === 4);
      expect(client.credit).to.equal(0);
      rig.pools[0].grant();
      expect(rig.pools[0].streams[0].said).to.deep.equal(['head POST', 'data 250000 last']);
    });

    it('ends with the head when there is none after all', () => {
      const rig = callRig();
      rig.pools[0].atOnce = null;
      const client = rig.call(grpcHead(), false);
      send(client, '', true);
      rig.pools[0].grant();
      expect(rig.pools[0].streams[0].said).to.deep.equal(['head POST end']);
    });

    it('is refused as overloaded while the process is short of memory, and picks nobody', () => {
      const rig = callRig({ memoryHigh: true });
      const client = rig.call(grpcHead());
      expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
      expect(client.heads[0].get('grpc-status')).to.equal('14');
      expect(rig.settled[0].attempts).to.deep.equal([]);
      expectOver(rig, 1);
    });

    it('is refused as overloaded when the memory for all is used up, and that is given back', () => {
      const rig = callRig({ budgetBytes: 1000 });
      rig.pools[0].atOnce = null;
      const first = rig.call(grpcHead(), false);
      send(first, 'x'.repeat(800));
      const second = rig.call(grpcHead(), false);
      send(second, 'x'.repeat(300));
      expect(second.heads[0].get('x-outrigger-error')).to.equal('overloaded');
      first.receiver!.failed(failure('reset', ErrorCode.CANCEL));
      const third = rig.call(grpcHead(), false);
      send(third, 'x'.repeat(900));
      expect(third.said).to.deep.equal([]);
      third.receiver!.failed(failure('reset', ErrorCode.CANCEL));
      expectOver(rig, 3);
    });
  });

  describe('deadline', () => {
    it('expires with DEADLINE_EXCEEDED and CANCEL, and counts against the endpoint', () => {
      const rig = callRig();
      const client = rig.call(grpcHead(['grpc-timeout', '1S']));
      const [stream] = rig.pools[0].streams;
      expect(stream.heads[0].get('grpc-timeout')).to.equal('1000000u');
      rig.clock.advance(999);
      expect(client.said).to.deep.equal([]);
      rig.clock.advance(1);
      expect(stream.said).to.deep.equal(['head POST end', 'reset CANCEL']);
      expect(client.heads[0].get('grpc-status')).to.equal('4');
      expect(rig.endpoints[0].error).to.equal(1);
      expectOver(rig);
    });

    it('has expired as well where the server notices first and resets with CANCEL', () => {
      const rig = callRig();
      const [early, late] = [500, 999].map((ms) => {
        const client = rig.call(grpcHead(['grpc-timeout', '1S']));
        rig.clock.advance(ms);
        rig.pools[0].streams.at(-1)!.receiver!.failed(failure('reset', ErrorCode.CANCEL));
        return client.heads[0];
      });
      expect([early.get('grpc-status'), late.get('grpc-status')]).to.deep.equal(['1', '4']);
      expect(late.get('x-outrigger-error')).to.equal('deadline_exceeded');
      expectOver(rig, 2);
    });

    it('is counted down while the call waits for a connection, and says that it never left', () => {
      const rig = callRig();
      rig.pools[0].atOnce = null;
      rig.call(grpcHead(['grpc-timeout', '1S']));
      rig.clock.advance(400);
      rig.pools[0].grant();
      expect(rig.pools[0].streams[0].heads[0].all('grpc-timeout')).to.deep.equal(['600000u']);
      const waiting = rig.call(grpcHead(['grpc-timeout', '1S']));
      rig.clock.advance(1000);
      expect(decodeGrpcMessage(waiting.heads[0].get('grpc-message')!)).to.contain('did not process');
      expect(rig.pools[0].cancelled).to.equal(1);
      expectOver(rig, 2);
    });

    it('the shorter of grpc-timeout and the route counts', () => {
      const rig = callRig({ timeoutMs: 500 });
      const [long, none, short] = [
        grpcHead(['grpc-timeout', '1S']),
        grpcHead(),
        grpcHead(['grpc-timeout', '9m']),
      ];
      for (const head of [long, none, short]) rig.call(head);
      const sent = rig.pools[0].streams.map((stream) => stream.heads[0].get('grpc-timeout'));
      expect(sent).to.deep.equal(['500000u', '500000u', '9000u']);
      rig.clock.advance(500);
      expectOver(rig, 3);
    });

    it('outlasts the longest timer there is', () => {
      const rig = callRig();
      const after = rig.clock.after.bind(rig.clock);
      rig.clock.after = (ms, callback) => after(Math.min(ms, 0x7fff_ffff), callback);
      const days = 24 * 3_600_000;
      const client = rig.call(grpcHead(['grpc-timeout', '2400H']));
      rig.clock.advance(99 * days);
      expect(client.said).to.deep.equal([]);
      rig.clock.advance(days);
      expect(client.heads[0].get('grpc-status')).to.equal('4');
      expectOver(rig);
    });

    it("a route's timeout is no header for what is not gRPC", () => {
      const rig = callRig({ timeoutMs: 500 });
      const client = rig.call(httpHead());
      expect(rig.pools[0].streams[0].heads[0].get('grpc-timeout')).to.equal(undefined);
      rig.clock.advance(500);
      expect(client.heads[0].status).to.equal(504);
      expectOver(rig);
    });
  });

  describe('the client', () => {
    it('gives up: the upstream gets CANCEL at once, and nobody is blamed', () => {
      const rig = callRig();
      const client = rig.call(grpcHead(), false);
      client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
      expect(rig.pools[0].streams[0].said).to.deep.equal(['head POST', 'reset CANCEL']);
      expect(client.said).to.deep.equal([]);
      expect(rig.settled[0]).to.include({ endedBy: 'client', grpcStatus: GrpcStatus.CANCELLED, error: '' });
      expect(rig.endpoints[0]).to.include({ success: 0, error: 0 });
      expectOver(rig);
    });

    it('goes on sending after an error of ours: the bytes are taken and forgotten', () => {
      const rig = callRig();
      const client = rig.call(httpHead('POST', '/other'), false);
      const call = client.receiver!;
      call.data(bytes('hello'), 0, 5, false);
      call.trailers(HeaderBlock.of(['x', '1']));
      call.failed(failure('closed'));
      expect(client.credit).to.equal(5);
      expectOver(rig);
    });
  });

  it('an early reply is whole, and the rest of the request is declined', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    const [stream] = rig.pools[0].streams;
    stream.receiver!.head(replyHead('200', ['grpc-status', '8']), true);
    expect(stream.said).to.deep.equal(['head POST', 'reset NO_ERROR']);
    expect(client.said).to.deep.equal(['head 200 end']);
    expectOver(rig);
  });

  it('a failure in the middle of an HTTP reply resets it, of a gRPC reply it is reported in trailers', () => {
    const rig = callRig();
    const http = rig.call(httpHead());
    rig.pools[0].streams[0].receiver!.head(replyHead(), false);
    rig.pools[0].streams[0].receiver!.failed(failure('closed'));
    expect(http.said).to.deep.equal(['head 200', 'reset INTERNAL_ERROR']);
    const grpc = rig.call(grpcHead());
    rig.pools[0].streams[1].receiver!.head(replyHead(), false);
    rig.pools[0].streams[1].receiver!.failed(failure('closed'));
    expect(grpc.said).to.deep.equal(['head 200', 'trailers']);
    expect(rig.endpoints[0].error).to.equal(2);
    expectOver(rig, 2);
  });

  it('a cluster that is full says so at once', () => {
    const rig = callRig({ requestsMax: 1 });
    rig.call(grpcHead());
    const client = rig.call(grpcHead());
    expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    rig.pools[0].streams[0].receiver!.head(replyHead('200', ['grpc-status', '0']), true);
    expectOver(rig, 2);
  });

  it('a cluster without endpoints lets a call wait in its first moments, and then says so', () => {
    const rig = callRig({ endpoints: 0 });
    // A static list answers as it starts, so there is nothing to wait for.
    const client = rig.call(grpcHead());
    expect(client.heads[0].get('x-outrigger-error')).to.equal('no_endpoint');
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(
      /^cluster greeter has no endpoint \(a static list of 0 endpoints\); the upstream did not process/,
    );
    expectOver(rig);
  });

  it('aborted: draining, once, whatever comes later', () => {
    const rig = callRig();
    const client = rig.call(grpcHead(), false);
    const upstream = rig.pools[0].streams[0];
    const attempt = upstream.receiver!;
    expect(rig.context.calls.abortAll()).to.equal(1);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('draining');
    expect(upstream.said).to.deep.equal(['head POST', 'reset CANCEL']);
    attempt.failed(failure('closed'));
    expectOver(rig);
  });
});
