import { createServer } from 'node:net';
import { expect } from 'chai';
import { runCommand } from './support.ts';

describe('cli/admin-client', () => {
  it('says in plain words that a port does not speak HTTP/1.1', async () => {
    // What an HTTP/2 server sends first: SETTINGS.
    const settings = Buffer.from('000000040000000000', 'hex');
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end(settings),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const io = await runCommand(['stat', '--admin', `127.0.0.1:${port}`]);
    await new Promise((resolve) => server.close(resolve));
    expect([io.code, io.err.trim()]).to.deep.equal([
      3,
      `127.0.0.1:${port} does not answer in HTTP/1.1, as Outrigger's admin server does; check --admin`,
    ]);
  });
});
