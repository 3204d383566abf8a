import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { HealthClient, type HealthRequest } from '../../../src/health/grpc-health-client.ts';
import type { HealthOutcome } from '../../../src/health/grpc-reply.ts';
import { type Frame, FramePeer, type FrameServer, startFrameServer, Type } from '../../support/frame-peer.ts';
import { until } from '../../support/until.ts';

const head = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;
const page = [
  [':status', '404'],
  ['content-type', 'text/html'],
] as const;
/** SERVING, with the prefix of a gRPC message. */
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

/** Waits until the client has read all that the peer has written. */
const readBy = (peer: FramePeer): Promise<void> => peer.roundTrip();

describe('HealthClient', () => {
  let server: FrameServer;
  let client: HealthClient;
  /** What the server does with each request. */
  let answer: (peer: FramePeer, id: number) => void;
  beforeEach(async () => {
    answer = () => {};
    server = await startFrameServer((peer: FramePeer, { type, streamId }: Frame) => {
      if (type === Type.Headers) answer(peer, streamId);
    });
    client = new HealthClient(addressOf(Number(server.address.split(':')[1])), {});
  });
  afterEach(async () => {
    client.close();
    await server.close();
  });

  /** Calls and records what is reported: a message as its bytes in hexadecimal, the end as its kind. */
  function calling(method: HealthRequest['method'] = 'Check') {
    const events: string[] = [];
    const outcomes: HealthOutcome[] = [];
    const call = client.call({
      method,
      service: '',
      timeoutMs: null,
      onMessage: (bytes) => events.push(bytes.toString('hex')),
      onEnd: (outcome) => {
        events.push(outcome.kind);
        outcomes.push(outcome);
      },
    });
    return { call, events, outcomes };
  }
  const ended = ({ outcomes }: ReturnType<typeof calling>): Promise<void> =>
    until(
      () => outcomes.length > 0,
      () => 'the call has not ended',
    );
  const requests = (count: number): Promise<void> =>
    until(
      () => server.peers[0]?.of(Type.Headers).length === count,
      () => `${server.peers[0]?.of(Type.Headers).length} requests`,
    );

  it('refuses pushed streams in its SETTINGS', async () => {
    calling();
    await requests(1);
    const { payload } = server.peers[0].of(Type.Settings)[0];
    const settings = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6)
      settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    expect(settings.get(2), 'SETTINGS_ENABLE_PUSH').to.equal(0);
  });

  it('takes no request once it is closed: the call ends as a closed connection, after call has returned', async () => {
    client.close();
    expect(client.usable).to.equal(false);
    const made = calling();
    expect([made.call.reply.messages, made.events]).to.deep.equal([0, []]);
    await ended(made);
    expect(made.outcomes).to.deep.equal([{ kind: 'closed', established: false, error: null, tls: 'none' }]);
  });

  it('reports no end of such a call when it is cancelled', async () => {
    client.close();
    const cancelled = calling();
    cancelled.call.cancel();
    await ended(calling());
    expect(cancelled.events).to.deep.equal([]);
  });

  it('reports the end of a web page once, resets its stream and keeps the connection', async () => {
    answer = (peer, id) => peer.headers(id, page);
    const first = calling();
    await ended(first);
    const [peer] = server.peers;
    await until(
      () => peer.of(Type.Rst).length === 1,
      () => 'the stream was not reset',
    );
    expect(peer.of(Type.Rst)[0].payload.readUInt32BE(), 'the code').to.equal(8);
    await ended(calling());
    expect(first.events).to.deep.equal(['reply']);
    expect(server.peers).to.have.length(1);
  });

  it('resets the stream of a call that is cancelled, and reports nothing more of it', async () => {
    const cancelled = calling();
    await requests(1);
    cancelled.call.cancel();
    const [peer] = server.peers;
    await until(
      () => peer.of(Type.Rst).length === 1,
      () => 'the stream was not reset',
    );
    answer = (to, id) => to.headers(id, [...head, ['grpc-status', '12']], true);
    await ended(calling());
    expect(cancelled.events).to.deep.equal([]);
  });

  it('reports no message that comes after the call was cancelled', async () => {
    const events: string[] = [];
    answer = (peer, id) => {
      peer.socket.cork();
      peer.headers(id, head);
      for (let i = 0; i < 3; i++) peer.data(id, serving);
      peer.socket.uncork();
    };
    const call = client.call({
      method: 'Watch',
      service: '',
      timeoutMs: null,
      onMessage: (bytes) => {
        events.push(bytes.toString('hex'));
        call.cancel();
      },
      onEnd: ({ kind }) => events.push(kind),
    });
    await requests(1);
    await readBy(server.peers[0]);
    expect(events).to.deep.equal(['0801']);
    expect(call.reply.messages).to.equal(1);
  });

  it('reports every message of a Watch', async () => {
    answer = (peer, id) => {
      peer.headers(id, head);
      for (let i = 0; i < 3; i++) peer.data(id, serving);
    };
    const { call, events } = calling('Watch');
    await requests(1);
    await readBy(server.peers[0]);
    expect(events).to.deep.equal(['0801', '0801', '0801']);
    expect(call.reply.malformed).to.equal('');
  });

  /** The server ends its connection with the answer, as one that shuts down does. */
  for (const [what, sends, kind] of [
    [
      'a gRPC status',
      (peer: FramePeer, id: number) => peer.headers(id, [...head, ['grpc-status', '12']], true),
      'reply',
    ],
    ['a web page', (peer: FramePeer, id: number) => peer.headers(id, page, true), 'reply'],
    [
      'a message that cannot be read',
      (peer: FramePeer, id: number) => {
        peer.headers(id, head);
        peer.data(id, Buffer.from([0, 0xff, 0, 0, 0]));
      },
      'reply',
    ],
    [
      'a gRPC reply without a status',
      (peer: FramePeer, id: number) => {
        peer.headers(id, head);
        peer.data(id, serving, true);
      },
      'goaway',
    ],
  ] as const) {
    it(`${what} that comes with GOAWAY is reported as ${kind}`, async () => {
      answer = (peer, id) => {
        peer.socket.cork();
        peer.goaway(id, 0);
        sends(peer, id);
        peer.socket.uncork();
      };
      const made = calling();
      await ended(made);
      expect(made.events.at(-1)).to.equal(kind);
      expect(client.usable).to.equal(false);
    });
  }
});

describe('HealthClient.close', () => {
  it('closes the socket that the peer leaves open after its GOAWAY', async () => {
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      const peer = new FramePeer(socket, 'server', []);
      peer.onFrame = ({ type }) => {
        if (type === Type.Headers) peer.goaway(0, 0);
      };
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new HealthClient(addressOf((server.address() as AddressInfo).port), {});
    const outcome = await new Promise<HealthOutcome>((onEnd) =>
      client.call({ method: 'Check', service: '', timeoutMs: null, onMessage: () => {}, onEnd }),
    );
    expect(outcome.kind).to.equal('goaway');
    const [socket] = sockets;
    await until(
      () => socket.readableEnded,
      () => 'the client did not end its side',
    );
    client.close();
    // A socket that is closed answers bytes with RST.
    await until(
      () => {
        if (!socket.destroyed) socket.write(Buffer.alloc(1));
        return socket.destroyed;
      },
      () => 'the client keeps its socket',
    );
    server.close();
  });
});

function addressOf(port: number): Address {
  return { kind: 'tcp', host: '127.0.0.1', port };
}
