import { expect } from 'chai';
import { ClientSockets } from '../../../src/udp/client-sockets.ts';
import { openListeningSocket } from '../../../src/udp/listening-socket.ts';
import { startUdpClient } from '../../support/udp-peers.ts';
import { until } from '../../support/until.ts';

describe('udp/ClientSockets', () => {
  before(function () {
    // Other systems give datagrams to sockets of one address in other ways.
    if (process.platform !== 'linux') this.skip();
  });

  it('take the datagrams of their clients from the listening socket, and answer from its address', async () => {
    const got: string[] = [];
    const eventsOf = (name: string) => ({
      received: (bytes: Buffer, host: string, port: number) =>
        void got.push(`${name} ${bytes} ${host} ${port}`),
      failed() {},
    });
    const listener = await openListeningSocket(
      { host: '127.0.0.1', port: 0, shared: true },
      eventsOf('listener'),
    );
    const sockets = new ClientSockets(eventsOf('own'));
    const target = `127.0.0.1:${listener.port}`;
    const [one, other] = [await startUdpClient(target), await startUdpClient(target)];
    const arrives = async (text: string): Promise<void> => {
      await until(
        () => got.includes(text),
        () => got.join(),
      );
    };
    try {
      one.send('1');
      await arrives(`listener 1 127.0.0.1 ${one.port}`);
      expect(sockets.open(listener, '127.0.0.1', one.port)).to.equal(true);
      one.send('2');
      other.send('3');
      await arrives(`own 2 127.0.0.1 ${one.port}`);
      await arrives(`listener 3 127.0.0.1 ${other.port}`);
      // The client is connected: it receives nothing from any other address.
      sockets.of('127.0.0.1', one.port)!.send(Buffer.from('answer'), 0, '');
      expect(String(await one.next())).to.equal('answer');
      sockets.close('127.0.0.1', one.port);
      expect(sockets.of('127.0.0.1', one.port)).to.equal(null);
      one.send('4');
      await arrives(`listener 4 127.0.0.1 ${one.port}`);
    } finally {
      sockets.closeAll();
      listener.close();
      await Promise.all([one.close(), other.close()]);
    }
  });

  it('say where the address is not shared', async () => {
    const events = { received() {}, failed() {} };
    const listener = await openListeningSocket({ host: '127.0.0.1', port: 0, shared: false }, events);
    expect(new ClientSockets(events).open(listener, '127.0.0.1', 9)).to.equal(false);
    listener.close();
  });
});
