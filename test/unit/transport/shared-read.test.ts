import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { expect } from 'chai';
import { readShared } from '../../../src/transport/shared-read.ts';

describe('readShared', () => {
  let server: Server;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-read-'));
    server = createServer({ allowHalfOpen: true });
  });
  afterEach(async () => {
    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  });

  /** A connected pair: the client's end, and the accepted one. */
  async function pair(unix: boolean): Promise<[client: Socket, accepted: Socket]> {
    const path = join(folder, 'x.sock');
    if (unix) server.listen(path);
    else server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = unix ? connect(path) : connect((server.address() as { port: number }).port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    return [client, accepted];
  }

  for (const unix of [false, true]) {
    it(`goes on in order behind what was read before, and answers (${unix ? 'Unix' : 'TCP'})`, async () => {
      const [client, accepted] = await pair(unix);
      client.write('first');
      let came = String(((await once(accepted, 'data')) as [Buffer])[0]);
      accepted.pause();
      const reader = readShared(accepted, (bytes, length) => {
        came += bytes.toString('latin1', 0, length);
      });
      expect(reader).not.to.equal(accepted);
      expect(reader.remoteAddress).to.equal(unix ? undefined : '127.0.0.1');
      reader.resume();
      const body = Array.from({ length: 100_000 }, (_, index) => `${index}`).join(' ');
      client.end(body);
      await once(reader, 'end');
      expect(came).to.equal(`first${body}`);
      const closed = once(accepted, 'close');
      reader.end('bye');
      const [said] = (await once(client, 'data')) as [Buffer];
      expect(said.toString()).to.equal('bye');
      await closed;
      expect(reader.destroyed).to.equal(true);
    });
  }

  it('reads nothing while it is paused', async () => {
    const [client, accepted] = await pair(false);
    accepted.pause();
    let bytes = 0;
    const reader = readShared(accepted, (_bytes, length) => {
      bytes += length;
    });
    reader.pause();
    client.write('later');
    // What another connection brings after that has arrived.
    const next = once(server, 'connection');
    const witness = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [other] = (await next) as [Socket];
    witness.end('x');
    await once(other, 'data');
    other.destroy();
    expect(bytes).to.equal(0);
    reader.resume();
    while (bytes < 5) await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
    reader.destroy();
    await once(accepted, 'close');
  });

  it('is closed with the accepted socket, whichever goes first, and the server counts it no more', async () => {
    for (const first of ['accepted', 'reader'] as const) {
      const [client, accepted] = await pair(false);
      client.on('error', () => {});
      accepted.pause();
      const reader = readShared(accepted, () => {});
      const other = first === 'accepted' ? reader : accepted;
      (first === 'accepted' ? accepted : reader).destroy();
      await once(other, 'close');
      client.destroy();
      expect(
        await new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
      ).to.equal(0);
      server.close();
      await once(server, 'close');
      server = createServer({ allowHalfOpen: true });
    }
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  it('leaves a socket alone that knows no such way', async () => {
    const [near] = duplexPair();
    const socket = near as unknown as Socket;
    expect(readShared(socket, () => {})).to.equal(socket);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
});
