import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { checkHttp2 } from '../../../../src/cli/check/endpoint-http2.ts';
import type { EndpointTarget } from '../../../../src/cli/check/endpoint-target.ts';
import { Findings } from '../../../../src/cli/check/finding.ts';
import { keepProcess, systemClock } from '../../../../src/core/clock.ts';

const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const goaway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('cli/check/endpoint-http2', () => {
  let server: Server;
  const kept = keepProcess();
  after(() => kept.cancel());
  afterEach(() => void server.close());

  /** What is found of a server that does this when the preface has come. */
  async function find(answer: (socket: Socket) => void): Promise<string[]> {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const target = {
      address: { kind: 'tcp', host: '127.0.0.1', port },
      hostname: '',
      cluster: {
        protocol: 'http2',
        limits: { perEndpoint: {}, maxConnections: 10, maxRequests: 10 },
        connections: { keepalive: { intervalMs: 1000 } },
      },
    } as unknown as EndpointTarget;
    const found = new Findings('endpoint');
    await checkHttp2(target, { clock: systemClock, timeoutMs: 5_000 }, found);
    return found.list.map(({ check, result, text }) => `${check} ${result}: ${text}`);
  }

  it('does not blame PINGs for a server that sends GOAWAY before the first', async () => {
    const found = await find((socket) => socket.end(Buffer.concat([settings, goaway])));
    expect(found.at(-1)).to.equal(
      'keepalive warning: not checked: the server sent GOAWAY with NO_ERROR before it answered a PING',
    );
  });

  it('does not blame PINGs for a server that closes the connection before the first', async () => {
    const found = await find((socket) => socket.end(settings));
    expect(found.at(-1)).to.equal('keepalive warning: not checked: the server answered no PING');
  });
});
