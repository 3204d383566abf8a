import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { data, headers, postHead, reset, Scripted, settings, windowUpdate } from './support.ts';

const ok = HeaderBlock.of([':status', '200']);
const body = Buffer.alloc(100_000, 'b');

describe('http2/connection, a flood', () => {
  it('of tiny DATA costs its bytes, not an object each', () => {
    const server = new Scripted('server');
    server.send(settings([4, 0]), headers(1, postHead, false));
    const [{ stream }] = server.requests;
    stream.head(ok, false);
    server.said();
    for (let i = 0; i < 60_000; i++) stream.data(body, i, i + 1, false);
    const { waiting } = stream as unknown as { waiting: { blocks: unknown[]; length: number } };
    expect(waiting.length).to.equal(60_000);
    expect(waiting.blocks.length).to.equal(5);
    server.send(windowUpdate(1, 60_000));
    expect(server.said().length).to.be.at.most(5);
  });

  it('of empty DATA resets its stream; a few are fine', () => {
    const server = new Scripted('server');
    server.send(headers(1, postHead, false));
    for (let i = 0; i < 100; i++) server.send(data(1, ''));
    expect(server.said()).to.deep.equal([]);
    server.send(data(1, ''));
    expect(server.said()).to.deep.equal(['RST_STREAM 1 11']);
    expect(server.requests[0].recorder.ends).to.equal(1);
  });

  const floods: ReadonlyArray<readonly [what: string, bytes: (n: number) => Buffer]> = [
    ['PING', () => Buffer.from('0000080600000000000011223344556677', 'hex')],
    ['SETTINGS', () => settings()],
    ['acknowledgements of SETTINGS', () => Buffer.from('000000040100000000', 'hex')],
    ['PRIORITY', () => Buffer.from('0000050200000000070000000100', 'hex')],
    ['unknown frames', () => Buffer.from('000000ee0000000000', 'hex')],
    [
      'requests that are reset at once',
      (n) => Buffer.concat([headers(n * 2 + 1, postHead, false), reset(n * 2 + 1, 8)]),
    ],
    ['malformed requests', (n) => headers(n * 2 + 1, [['x', 'y']], true)],
    [
      'DATA for streams that ended',
      (n) => Buffer.concat([headers(n * 2 + 1, postHead, false), reset(n * 2 + 1, 8), data(n * 2 + 1, 'x')]),
    ],
  ];
  for (const [what, bytes] of floods) {
    it(`of ${what} ends the connection`, () => {
      const server = new Scripted('server');
      let sent = 0;
      while (server.error === undefined && sent < 5000) server.send(bytes(sent++));
      // At the soft limit in good order where it has no stream, at the hard one by force.
      expect(server.error?.code ?? ErrorCode.ENHANCE_YOUR_CALM).to.equal(ErrorCode.ENHANCE_YOUR_CALM);
      expect(server.connection.over).to.equal(true);
      expect(sent).to.be.at.most(3000);
      expect(server.said().at(-1)).to.match(/^GOAWAY \d+ 11$/);
    });

    it(`of ${what} that is slow enough goes on`, () => {
      const server = new Scripted('server');
      for (let i = 0; i < 5000; i++) {
        server.nowMs += 100;
        server.send(bytes(i));
        server.said();
      }
      expect(server.error).to.equal(undefined);
    });
  }

  it('that is none: 10,000 DATA of 600 bytes on one stream, and 2,000 near-empty calls', () => {
    const server = new Scripted('server');
    server.send(headers(1, postHead, false));
    server.requests[0].recorder.keepBody = false;
    for (let i = 0; i < 10_000; i++) {
      server.send(data(1, body.subarray(0, 600)));
      server.said();
    }
    server.handler = (stream) => stream.head(ok, true);
    for (let i = 0; i < 2000; i++) server.send(headers(3 + i * 2, postHead, true));
    expect(server.error).to.equal(undefined);
    expect(server.requests[0].recorder.bodyBytes).to.equal(6_000_000);
  });
});
