import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { askReady } from '../../../src/health-check/ask-ready.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';

const ask = (port: number, host = '127.0.0.1', timeoutMs = 2_000) =>
  askReady({ address: { kind: 'tcp', host, port }, usesTls: false }, timeoutMs);

describe('health-check/ask-ready', () => {
  describe('with an admin server', () => {
    let rig: AdminRig;
    beforeEach(async () => {
      rig = await startAdminRig();
    });
    afterEach(() => rig.close());

    it('a sidecar that is ready is healthy, also by its wildcard address', async () => {
      for (const host of ['127.0.0.1', '0.0.0.0'])
        expect(await ask(rig.port, host)).to.deep.equal({ isReady: true, text: 'ready' });
    });

    it('a sidecar that drains is not, and says why', async () => {
      rig.proxy.isReady = false;
      rig.proxy.reasons = ['draining'];
      const { isReady, text } = await ask(rig.port);
      expect(isReady).to.equal(false);
      expect(text).to.match(/drain/);
    });
  });

  describe('with another server', () => {
    let server: Server;
    afterEach(async () => {
      server.close();
      await once(server, 'close');
    });
    const serve = async (answer: (socket: Socket) => void): Promise<number> => {
      server = createServer((socket) => {
        socket.on('error', () => {}).resume();
        answer(socket);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    };

    it('200 of another program is no answer of the sidecar', async () => {
      const port = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\nserver: nginx\r\n\r\nready\n'));
      expect(await ask(port)).to.deep.equal({
        isReady: false,
        text: `127.0.0.1:${port} is not the admin address of Outrigger`,
      });
    });

    it('a server that accepts and never answers costs no more than the timeout', async () => {
      const port = await serve(() => {});
      expect(await ask(port, '127.0.0.1', 50)).to.deep.equal({
        isReady: false,
        text: `127.0.0.1:${port} does not answer within 50 ms`,
      });
    });

    it('an answer without end is given up', async () => {
      const port = await serve((socket) => socket.write('x'.repeat(20_000)));
      expect((await ask(port)).text).to.match(/more than 8192 bytes$/);
    });
  });

  it('an address where nothing listens is not healthy', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await ask(port)).to.deep.equal({
      isReady: false,
      text: `127.0.0.1:${port} cannot be reached: ECONNREFUSED`,
    });
  });
});
