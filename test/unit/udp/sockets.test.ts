import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { datagramPort } from '../../../src/udp/datagram-port.ts';
import { type EndpointSocket, openEndpointSocket } from '../../../src/udp/endpoint-socket.ts';
import { type ListeningSocket, openListeningSocket } from '../../../src/udp/listening-socket.ts';
import { startUdpReplica } from '../../support/udp-peers.ts';
import { until } from '../../support/until.ts';

const addressOf = (text: string) => ({
  kind: 'tcp' as const,
  host: '127.0.0.1',
  port: Number(text.split(':')[1]),
});

/** From now on the system takes nothing: each datagram waits. */
function waitInSystem(socket: Socket): void {
  const states = socket as unknown as Record<symbol, { handle?: object } | undefined>;
  const key = Object.getOwnPropertySymbols(socket).find((one) => states[one]?.handle !== undefined)!;
  Object.assign(states[key]!.handle!, { send: () => 0 });
}

for (const direct of [true, false])
  describe(`udp sockets, ${direct ? 'by the handle of Node' : 'by its public functions'}`, () => {
    const open: Array<{ close(): unknown }> = [];
    afterEach(async () => {
      for (const one of open.splice(0)) await one.close();
    });

    function opened(
      address: Parameters<typeof openEndpointSocket>[0],
      hold: (socket: Socket) => boolean = () => true,
    ) {
      const got: Buffer[] = [];
      const errors: string[] = [];
      const events = {
        received: (bytes: Buffer) => void got.push(bytes),
        failed: (error: NodeJS.ErrnoException) => void errors.push(error.code ?? ''),
      };
      const socket = openEndpointSocket(address, events, hold, direct);
      if (socket !== null && 'send' in socket) open.push(socket);
      return { socket, got, errors };
    }
    async function listening(
      received: (socket: ListeningSocket, bytes: Buffer, host: string, port: number) => void,
      host = '127.0.0.1',
    ) {
      const errors: string[] = [];
      const socket: ListeningSocket = await openListeningSocket(
        { host, port: 0, shared: false },
        {
          received: (bytes, from, port) => received(socket, bytes, from, port),
          failed: (error) => void errors.push(error.code ?? ''),
        },
        direct,
      );
      open.push(socket);
      return { socket, errors };
    }

    it('carry datagrams of any size, empty ones too, from the address that the client sent to', async () => {
      const { socket: listener } = await listening(
        (socket, bytes, host, port) => void socket.reply(bytes, host, port),
      );
      const { socket, got } = opened({ kind: 'tcp', host: '127.0.0.1', port: listener.port });
      const sizes = [0, 1, 1400, 65_507];
      for (const size of sizes) {
        (socket as EndpointSocket).send(Buffer.alloc(size, size % 251));
        await until(
          () => got.length === sizes.indexOf(size) + 1,
          () => `${got.length} datagrams`,
        );
      }
      expect(got.map(({ length }) => length)).to.deep.equal(sizes);
      expect(got[3].every((byte) => byte === 65_507 % 251)).to.equal(true);
    });

    it('report an endpoint that refuses', async () => {
      const replica = await startUdpReplica('gone');
      await replica.kill();
      const { socket, errors } = opened(addressOf(replica.address));
      (socket as EndpointSocket).send(Buffer.from('x'));
      await until(
        () => errors.length > 0,
        () => 'no error',
      );
      expect(errors).to.deep.equal(['ECONNREFUSED']);
    });

    it('report a refusal that the next datagram runs into', async () => {
      const replica = await startUdpReplica('gone');
      await replica.kill();
      const { socket, errors } = opened(addressOf(replica.address));
      // The first is refused before the second is sent: the system reports that instead of sending.
      (socket as EndpointSocket).send(Buffer.from('x'));
      (socket as EndpointSocket).send(Buffer.from('y'));
      await until(
        () => errors.length > 0,
        () => 'no error',
      );
      expect(errors[0]).to.equal('ECONNREFUSED');
    });

    it('report a datagram that is too large, and carry the next', async () => {
      const replica = await startUdpReplica('a');
      open.push({ close: () => replica.kill() });
      const { socket, errors, got } = opened(addressOf(replica.address));
      (socket as EndpointSocket).send(Buffer.alloc(65_508));
      await until(
        () => errors.length > 0,
        () => 'no error',
      );
      expect(errors).to.deep.equal(['EMSGSIZE']);
      (socket as EndpointSocket).send(Buffer.from('y'));
      await until(
        () => got.length > 0,
        () => 'no answer',
      );
      expect(String(got[0])).to.equal('a y');
    });

    it('say at once that there is no way to an endpoint', () => {
      const unreachable = { kind: 'tcp', host: '255.255.255.255', port: 9 } as const;
      const codeOf = (result: ReturnType<typeof opened>['socket']): string | undefined =>
        (result as NodeJS.ErrnoException).code;
      expect(codeOf(opened(unreachable).socket)).to.equal('ENETUNREACH');
      expect(codeOf(opened({ kind: 'tcp', host: 'a.name', port: 9 }).socket)).to.equal('ENOTFOUND');
      expect(codeOf(opened({ kind: 'unix', path: '/x' }).socket)).to.equal('EADDRNOTAVAIL');
    });

    it('open none where the process may have no more, and give back what they held', async () => {
      const replica = await startUdpReplica('a');
      open.push({ close: () => replica.kill() });
      expect(opened(addressOf(replica.address), () => false).socket).to.equal(null);
      let held = 0;
      const { socket } = opened(addressOf(replica.address), (closing) => {
        held++;
        closing.once('close', () => held--);
        return true;
      });
      expect(held).to.equal(1);
      (socket as EndpointSocket).close();
      (socket as EndpointSocket).close();
      await until(
        () => held === 0,
        () => 'still held',
      );
    });

    it('carry IPv6, and reach an IPv4 client from the wildcard of IPv6', async function () {
      const probe = createSocket('udp6');
      probe.bind(0, '::1');
      const hasIpv6 = await Promise.race([
        once(probe, 'listening').then(() => true),
        once(probe, 'error').then(() => false),
      ]);
      probe.close();
      if (!hasIpv6) this.skip();
      const { socket: listener } = await listening(
        (socket, bytes, host, port) => void socket.reply(bytes, host, port),
        '::',
      );
      for (const host of ['::1', '127.0.0.1']) {
        const { socket, got } = opened({ kind: 'tcp', host, port: listener.port });
        (socket as EndpointSocket).send(Buffer.from(host));
        await until(
          () => got.length > 0,
          () => `no answer over ${host}`,
        );
        expect(String(got[0])).to.equal(host);
      }
    });

    it('are what they are said to be in this release of Node', async () => {
      const socket = createSocket('udp4');
      open.push({ close: () => port.close() });
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const port = datagramPort(socket, false, 1000, { received() {}, failed() {} }, direct);
      expect(port.constructor.name).to.equal(direct ? 'DirectPort' : 'SocketPort');
    });

    it('take no more than may wait', async () => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const port = datagramPort(socket, false, 1000, { received() {}, failed() {} }, direct);
      open.push(port);
      let waiting = 0;
      socket.getSendQueueSize = () => waiting;
      waitInSystem(socket);
      expect(port.send(Buffer.alloc(600), 9, '127.0.0.1')).to.equal(true);
      waiting = 600;
      expect(port.send(Buffer.alloc(401), 9, '127.0.0.1')).to.equal(false);
      expect(port.send(Buffer.alloc(400), 9, '127.0.0.1')).to.equal(true);
    });

    it('say why an address cannot be bound', async () => {
      const { socket } = await listening(() => {});
      let code: string | undefined;
      await openListeningSocket(
        { host: '127.0.0.1', port: socket.port, shared: false },
        { received() {}, failed() {} },
      ).catch((error: NodeJS.ErrnoException) => {
        code = error.code;
      });
      expect(code).to.equal('EADDRINUSE');
    });
  });
