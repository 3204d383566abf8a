import net from 'node:net';
import { expect } from 'chai';
import { ErrorCode } from '../../src/core/error-code.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { MessageStream, StreamFailure } from '../../src/core/message-stream.ts';
import { closeListener, Http1Server, listen, say } from './http1-rig.ts';

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

describe('HTTP/1.1 server stream', () => {
  /** A server whose one handler is given. */
  async function serve(onStream: (stream: MessageStream, head: HeaderBlock) => void) {
    const server = new Http1Server(onStream);
    const listener = net.createServer({ allowHalfOpen: true }, (socket) => server.accept(socket, null));
    const port = await listen(listener);
    const close = () => {
      server.close();
      return closeListener(listener);
    };
    return { port, close };
  }
  const text = (stream: MessageStream, words: string, last: boolean) => {
    const bytes = Buffer.from(words);
    stream.data(bytes, 0, bytes.length, last);
  };

  for (const [name, words, last] of [
    ['longer', 'abcdef', false],
    ['shorter', 'ab', true],
  ] as const) {
    it(`breaks off a reply whose body is ${name} than its content-length`, async () => {
      const failures: StreamFailure[] = [];
      const { port, close } = await serve((stream) => {
        stream.receiver = {
          head() {},
          data() {},
          trailers() {},
          sent() {},
          failed: (failure) => void failures.push(failure),
        };
        stream.head(HeaderBlock.of([':status', '200'], ['content-length', '4']), false);
        text(stream, words, last);
        expect(failures, 'not before data returned').to.deep.equal([]);
      });
      const { text: heard } = await say(port, get);
      expect(heard).to.not.include(words);
      expect(failures.map(({ kind }) => kind)).to.deep.equal(['protocol']);
      await close();
    });
  }

  for (const [name, head] of [
    ['a value that splits it', HeaderBlock.of([':status', '200'], ['x-a', 'b\r\nset-cookie: evil'])],
    ['an interim status', HeaderBlock.of([':status', '103'])],
    ['no status', HeaderBlock.of(['x-a', 'b'])],
  ] as const) {
    it(`breaks off a reply with ${name}`, async () => {
      const { port, close } = await serve((stream) => stream.head(head, true));
      expect((await say(port, get)).text).to.equal('');
      await close();
    });
  }

  it('spares a client that waits for 100-continue its body where the answer is there at once', async () => {
    const { port, close } = await serve((stream) => {
      stream.head(HeaderBlock.of([':status', '404']), false);
      text(stream, 'no route', true);
      stream.reset(ErrorCode.NO_ERROR);
    });
    const { text: heard } = await say(
      port,
      'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9999\r\n\r\n',
    );
    expect(heard)
      .to.match(/^HTTP\/1\.1 404 /)
      .and.match(/connection: close/i)
      .and.include('no route');
    await close();
  });

  it('gives 204 no length and HEAD no byte, whatever the other side says', async () => {
    let sent = 0;
    const count = (bytes: number) => {
      sent += bytes;
    };
    const { port, close } = await serve((stream, head) => {
      stream.receiver = { head() {}, data() {}, trailers() {}, sent: count, failed() {} };
      const status = head.method === 'HEAD' ? '200' : '204';
      stream.head(HeaderBlock.of([':status', status], ['content-length', '4']), false);
      text(stream, 'abcd', true);
    });
    const { text: heard } = await say(
      port,
      `${get.replace('GET', 'HEAD')}${get.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')}`,
    );
    const [head, no] = heard.split('HTTP/1.1 204');
    expect(head).to.include('content-length: 4').and.not.include('abcd');
    expect(no).to.not.match(/content-length|transfer-encoding|abcd/i);
    expect(sent, 'credit comes back all the same').to.equal(8);
    await close();
  });

  it('ends a reply without a body by its length', async () => {
    const { port, close } = await serve((stream) => stream.head(HeaderBlock.of([':status', '200']), true));
    const { text: heard } = await say(port, get.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
    expect(heard).to.include('content-length: 0\r\n');
    await close();
  });
});
