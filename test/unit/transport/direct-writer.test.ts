import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { DirectWriter } from '../../../src/transport/direct-writer.ts';

describe('transport/direct-writer', () => {
  let server: Server;
  let ours: Socket;
  let theirs: Socket;
  beforeEach(async () => {
    server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ours = connect((server.address() as { port: number }).port, '127.0.0.1');
    [theirs] = (await once(server, 'connection')) as [Socket];
    if (ours.connecting) await once(ours, 'connect');
    for (const socket of [ours, theirs]) socket.on('error', () => {});
  });
  afterEach(async () => {
    ours.destroy();
    theirs.destroy();
    server.close();
    await once(server, 'close');
  });

  it('writes a part of a buffer, which may be reused at once', async () => {
    const bytes = Buffer.from('a message');
    expect(new DirectWriter(ours).write(bytes, 2, 9)).to.equal(7);
    bytes.fill(0);
    const [chunk] = (await once(theirs.resume(), 'data')) as [Buffer];
    expect(chunk.toString()).to.equal('message');
  });

  it('takes what the kernel has room for, then nothing, and goes on where the socket left off', async () => {
    const writer = new DirectWriter(ours);
    const bytes = randomBytes(1 << 20);
    const sent: Buffer[] = [];
    let taken = bytes.length;
    while (taken > 0) {
      taken = writer.write(bytes, 0, bytes.length);
      sent.push(bytes.subarray(0, taken));
    }
    // Bytes that wait in the socket come first, also where the kernel has room again before the socket knows.
    ours.write(bytes);
    sent.push(bytes);
    const whole = Buffer.concat(sent);
    const chunks: Buffer[] = [];
    let came = 0;
    theirs.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      came += chunk.length;
      if (ours.writableLength > 0) expect(writer.write(bytes, 0, 1), 'while bytes wait').to.equal(0);
    });
    theirs.resume();
    while (came < whole.length) await once(theirs, 'data');
    expect(Buffer.concat(chunks).equals(whole)).to.equal(true);
    expect(writer.write(bytes, 0, 1), 'once there is room').to.equal(1);
  });

  it('writes nothing to a socket that is ended, destroyed or broken', async () => {
    const byte = Buffer.from('x');
    const [mine, broken] = [new DirectWriter(ours), new DirectWriter(theirs)];
    ours.end();
    expect(mine.write(byte, 0, 1)).to.equal(0);
    ours.resetAndDestroy();
    expect(mine.write(byte, 0, 1)).to.equal(0);
    await once(theirs.resume(), 'close');
    expect(broken.write(byte, 0, 1)).to.equal(0);
  });

  it('writes nothing to a file that got the number of a closed connection', () => {
    const writer = new DirectWriter(ours);
    const { fd } = (ours as unknown as { _handle: { fd: number } })._handle;
    ours.destroy();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-write-'));
    const opened: number[] = [];
    try {
      while (!opened.includes(fd) && opened.length < 100)
        opened.push(openSync(join(folder, `${opened.length}`), 'w'));
      expect(opened).to.include(fd);
      expect(writer.write(Buffer.from('x'), 0, 1)).to.equal(0);
    } finally {
      for (const one of opened) closeSync(one);
      rmSync(folder, { recursive: true });
    }
  });

  it('destroys a socket that breaks, with the error of the write', async () => {
    const writer = new DirectWriter(ours);
    ours.pause();
    theirs.resetAndDestroy();
    const failed = once(ours, 'error');
    const byte = Buffer.from('x');
    // The reset arrives when it does.
    while (writer.write(byte, 0, 1) > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(ours.destroyed).to.equal(true);
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error).to.include({ syscall: 'write' });
    expect(error.code).to.be.oneOf(['EPIPE', 'ECONNRESET']);
  });

  it('writes nothing to a TLS socket, which would not be encrypted', () => {
    const secured = new TLSSocket(ours);
    secured.on('error', () => {});
    expect(new DirectWriter(secured).write(Buffer.from('x'), 0, 1)).to.equal(0);
    secured.destroy();
  });

  it('writes nothing where there is no descriptor', () => {
    const [stream] = duplexPair();
    expect(new DirectWriter(stream as unknown as Socket).write(Buffer.from('x'), 0, 1)).to.equal(0);
  });
});
