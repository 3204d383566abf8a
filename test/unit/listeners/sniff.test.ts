import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { expect } from 'chai';
import { type Sniffed, sniffProtocol } from '../../../src/listeners/sniff.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Says pieces to a sniffed connection, each in a turn of its own. */
async function sniff(pieces: readonly string[], end = false) {
  const [near, far] = duplexPair();
  const socket = near as unknown as Socket;
  const found: Array<[Sniffed, string]> = [];
  sniffProtocol(socket, (protocol, first) => found.push([protocol, first.toString('latin1')]));
  for (const piece of pieces) {
    far.write(piece, 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (end) far.end();
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  return { found, socket };
}

describe('sniffProtocol', () => {
  it('knows HTTP/2 by its preface, however it is split', async () => {
    for (const pieces of [[preface], ['P', 'R', 'I', ' * HTTP/2.0'], ['PR', preface.slice(2)]]) {
      const { found, socket } = await sniff(pieces);
      const seen = pieces.join('').startsWith('PRI') ? found[0][1] : '';
      expect(found).to.deep.equal([['http2', seen]]);
      expect(seen.startsWith('PRI')).to.equal(true);
      expect(socket.isPaused(), 'nothing is lost meanwhile').to.equal(true);
    }
  });

  it('takes everything else for HTTP/1.1 at the first byte that differs, methods that begin with P too', async () => {
    for (const text of [
      'GET / HTTP/1.1',
      'PUT / HTTP/1.1',
      'PATCH /',
      'PROPFIND /',
      'PRx',
      '\x16\x03\x01',
      '\0',
    ]) {
      expect((await sniff([text])).found).to.deep.equal([['http1', text]]);
    }
    expect((await sniff(['P', 'R', 'O'])).found).to.deep.equal([['http1', 'PRO']]);
  });

  it('waits while the protocol is unknown', async () => {
    for (const text of ['P', 'PR']) expect((await sniff([text])).found).to.deep.equal([]);
  });

  it('lets a client go that hangs up before the protocol is known', async () => {
    for (const pieces of [[], ['P']]) {
      const { found, socket } = await sniff(pieces, true);
      expect([found, socket.destroyed]).to.deep.equal([[], true]);
    }
  });
});
