import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { PersistentSocket } from '../../../src/transport/persistent-socket.ts';

describe('PersistentSocket', () => {
  /** What a client hears of a server that answers and resets the connection, when a write fails before anything is read. */
  async function heardBefore(reply: Buffer): Promise<{ heard: Buffer; error: string }> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const heard: Buffer[] = [];
    const socket = new PersistentSocket((bytes, length) => {
      heard.push(Buffer.from(bytes.subarray(0, length)));
    });
    const accepted = once(server, 'connection');
    socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [[peer]] = (await Promise.all([accepted, once(socket, 'connect')])) as [[Socket], unknown];
    socket.pause();
    const left = once(peer, 'close');
    if (reply.length > 0) await new Promise((resolve) => peer.write(reply, resolve));
    peer.resetAndDestroy();
    await left;
    const error = once(socket, 'error');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('more of the request');
    const [{ code }] = (await error) as [NodeJS.ErrnoException];
    await closed;
    server.close();
    return { heard: Buffer.concat(heard), error: code ?? '' };
  }

  it('reads what had arrived before a write failed', async () => {
    const reply = Buffer.from('HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n');
    const { heard, error } = await heardBefore(reply);
    expect(heard.toString()).to.equal(reply.toString());
    expect(error).to.be.oneOf(['ECONNRESET', 'EPIPE']);
  });

  it('reads nothing where nothing had arrived', async () => {
    expect((await heardBefore(Buffer.alloc(0))).heard.length).to.equal(0);
  });
});
