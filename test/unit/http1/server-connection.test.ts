import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { windowBytes } from '../../../src/http1/server-connection.ts';
import { ServerRig } from './server-rig.ts';

const get = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;
const post = (path: string, body: string, more = '') =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
const ok = (...fields: Array<[string, string]>) => HeaderBlock.of([':status', '200'], ...fields);
const socketHead = get('/chat', 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n');

describe('HTTP/1.1 server connection', () => {
  describe('keeps a connection', () => {
    it('open after a whole exchange, and serves the next request on it', () => {
      const rig = new ServerRig();
      rig.say(get('/1'));
      rig.requests[0].stream.head(ok(), true);
      rig.settle();
      rig.say(get('/2'));
      expect(rig.requests.map(({ requestHead }) => requestHead.path)).to.deep.equal(['/1', '/2']);
      rig.requests[1].stream.head(ok(['content-length', '2']), false);
      rig.requests[1].say('ok', true);
      rig.settle();
      expect(rig.text).to.equal(
        'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      );
      expect(rig.end).to.equal('');
      expect(rig.activeNow).to.equal(0);
    });

    for (const [name, request, keeps] of [
      ['HTTP/1.1', 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', true],
      ['HTTP/1.1 that says close', get('/', 'connection: close\r\n'), false],
      ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', false],
      ['HTTP/1.0 that says keep-alive', 'GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n', true],
    ] as const) {
      it(`${keeps ? 'open' : 'no longer'} after a reply of known length to ${name}`, () => {
        const rig = new ServerRig();
        rig.say(request);
        rig.requests[0].stream.head(ok(['content-length', '2']), false);
        rig.requests[0].say('ok', true);
        rig.settle();
        expect(rig.text.includes('connection: close')).to.equal(!keeps);
        expect(rig.text.includes('connection: keep-alive')).to.equal(keeps && name.startsWith('HTTP/1.0'));
        expect(rig.end).to.equal(keeps ? '' : 'good');
      });
    }

    it('no longer after a reply of unknown length to HTTP/1.0, which ends with it', () => {
      const rig = new ServerRig();
      rig.say('GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n');
      rig.requests[0].stream.head(ok(), false);
      rig.requests[0].say('one ', false);
      rig.requests[0].say('two', true);
      rig.settle();
      expect(rig.text).to.equal('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none two');
      expect(rig.end).to.equal('good');
    });
  });

  describe('requests sent ahead', () => {
    it('wait until the reply before them is out, and come in order', () => {
      const rig = new ServerRig();
      rig.say(post('/1', 'abc') + post('/2', 'def') + get('/3'));
      expect(rig.requests).to.have.length(1);
      for (let i = 0; i < 3; i++) {
        rig.requests[i].stream.head(ok(), true);
        expect(rig.requests, 'the reply is not out').to.have.length(i + 1);
        rig.flush();
      }
      expect(rig.requests.map(({ body }) => body)).to.deep.equal(['abc', 'def', '']);
    });

    it('are never looked at behind a request or a reply that says close (RFC 9112 section 9.6)', () => {
      const byClient = new ServerRig();
      byClient.say(get('/1', 'connection: close\r\n') + get('/2'));
      byClient.requests[0].stream.head(ok(), true);
      byClient.settle();
      byClient.say(get('/3'));
      expect(byClient.requests).to.have.length(1);
      expect(byClient.end).to.equal('good');

      const byServer = new ServerRig();
      byServer.connection.draining = true;
      byServer.say(get('/1'));
      byServer.requests[0].stream.head(ok(), true);
      expect(byServer.connection.over).to.equal(true);
      byServer.say(get('/2'));
      byServer.settle();
      expect(byServer.requests).to.have.length(1);
      expect(byServer.text).to.match(/connection: close/);
    });

    it('are all answered before a draining connection closes', () => {
      const rig = new ServerRig();
      rig.say(get('/1') + get('/2'));
      rig.connection.drain();
      rig.requests[0].stream.head(ok(), true);
      rig.flush();
      rig.requests[1].stream.head(ok(), true);
      rig.settle();
      expect(rig.text.match(/HTTP\/1\.1 200|connection: close/g)).to.deep.equal([
        'HTTP/1.1 200',
        'HTTP/1.1 200',
        'connection: close',
      ]);
      expect(rig.end).to.equal('good');
    });

    it('are read no further than a little', () => {
      const rig = new ServerRig();
      rig.say(get('/1'));
      expect(rig.connection.readyForInput, 'to hear that the client has gone').to.equal(true);
      rig.say(get('/2').repeat(400));
      expect(rig.connection.readyForInput).to.equal(false);
      for (let i = 0; i < 401; i++) {
        rig.requests[i].stream.head(ok(), true);
        rig.settle();
      }
      expect(rig.connection.readyForInput).to.equal(true);
      expect(rig.readableCount).to.be.greaterThan(0);
    });
  });

  describe('a body', () => {
    it('is pushed up to a window, and further as credit comes back', () => {
      const rig = new ServerRig({ onRequest: (request) => (request.consumesAtOnce = false) });
      const body = 'x'.repeat(windowBytes * 2 + 10);
      rig.say(post('/', body));
      const [request] = rig.requests;
      expect(request.unconsumed).to.be.within(windowBytes - 200, windowBytes);
      expect(rig.connection.readyForInput).to.equal(false);
      while (!request.ended) {
        request.consume();
        expect(request.unconsumed).to.be.at.most(windowBytes);
      }
      expect(request.body).to.equal(body);
      expect(rig.connection.readyForInput).to.equal(true);
    });

    it('in chunks comes without their framing, with its trailers', () => {
      const rig = new ServerRig();
      rig.say(
        'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n',
      );
      expect(rig.requests[0].ended).to.equal(false);
      rig.say('x-sum: 1\r\n\r\n');
      expect(rig.requests[0]).to.include({ body: 'abcde', ended: true });
      expect(rig.requests[0].requestTrailers?.get('x-sum')).to.equal('1');
    });

    it('that goes on after its reply is dropped, and the connection is used again', () => {
      const rig = new ServerRig();
      rig.say('POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345');
      const [first] = rig.requests;
      first.stream.head(ok(), true);
      first.stream.reset(ErrorCode.NO_ERROR);
      rig.settle();
      expect(rig.events).to.deep.equal(['discarding']);
      rig.say(`67890${get('/2')}`);
      expect(first).to.include({ body: '12345', ended: false });
      expect(rig.requests[1].requestHead.path).to.equal('/2');
      expect(rig.end).to.equal('');
    });

    it('of which nobody can say whether it comes ends the connection with its reply', () => {
      const rig = new ServerRig();
      rig.say(post('/', '', 'expect: 100-continue\r\n').replace('length: 0', 'length: 5'));
      expect(rig.requests[0].stream.expectsContinue).to.equal(true);
      rig.requests[0].stream.head(ok(), true);
      rig.settle();
      expect(rig.text).to.match(/^HTTP\/1\.1 200 OK\r\nconnection: close\r\n/);
      expect(rig.end).to.equal('good');
    });

    it('that was invited by 100 (Continue) does not', () => {
      const rig = new ServerRig();
      rig.say(post('/', '', 'expect: 100-continue\r\n').replace('length: 0', 'length: 5'));
      const [{ stream }] = rig.requests;
      stream.interim?.(HeaderBlock.of([':status', '100']));
      stream.interim?.(HeaderBlock.of([':status', '100']));
      stream.interim?.(HeaderBlock.of([':status', '103'], ['link', '</a>']));
      rig.say('hello');
      stream.head(ok(), true);
      stream.interim?.(HeaderBlock.of([':status', '103']));
      rig.settle();
      expect(rig.text).to.equal(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      );
      expect(rig.end).to.equal('');
    });

    it('that breaks its chunks is answered, and fails for the handler', () => {
      const rig = new ServerRig();
      rig.say('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
      rig.settle();
      expect(rig.text).to.match(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(rig.requests[0].failure).to.include({ kind: 'protocol', code: ErrorCode.PROTOCOL_ERROR });
      expect(rig.refused.map(({ reason }) => reason)).to.deep.equal(['chunk']);
      expect(rig.end).to.equal('bad');
      expect(rig.activeNow).to.equal(0);
    });

    it('that breaks once the reply has begun breaks the reply', () => {
      const rig = new ServerRig();
      rig.say('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
      rig.requests[0].stream.head(ok(), false);
      rig.say('zz\r\n');
      rig.settle();
      expect(rig.text).to.not.match(/ 400 |0\r\n\r\n$/);
      expect(rig.end).to.equal('aborted');
    });
  });

  describe('a reply', () => {
    it('has no interim replies for HTTP/1.0', () => {
      const rig = new ServerRig();
      rig.say('GET / HTTP/1.0\r\n\r\n');
      rig.requests[0].stream.interim?.(HeaderBlock.of([':status', '103']));
      rig.requests[0].stream.head(ok(), true);
      rig.settle();
      expect(rig.text).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    });

    it('is reported as sent once the transport has taken it', () => {
      const rig = new ServerRig();
      rig.say(get());
      const [request] = rig.requests;
      request.stream.head(ok(), false);
      request.say('abc', false);
      expect(request.sentBytes).to.equal(0);
      rig.flush(false);
      expect(request.sentBytes, 'the transport pushes back').to.equal(0);
      rig.connection.setTransportReady(true);
      expect(request.sentBytes).to.equal(3);
      request.say('de', true);
      rig.settle();
      expect(request.sentBytes).to.equal(5);
      expect(rig.text).to.match(/3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n$/);
    });

    for (const [name, say] of [
      ['longer', 'abcdef'],
      ['shorter', 'ab'],
    ]) {
      it(`breaks off where its body is ${name} than its content-length; the handler hears of it later`, () => {
        const rig = new ServerRig();
        rig.say(get());
        const [request] = rig.requests;
        request.stream.head(ok(['content-length', '4']), false);
        request.say(say, true);
        expect(request.failure).to.equal(null);
        rig.settle();
        expect(request.failure).to.include({ kind: 'protocol', code: ErrorCode.INTERNAL_ERROR });
        expect(rig.end).to.equal('aborted');
        expect(rig.text).to.not.include('ab');
      });
    }

    it('that its handler gives up breaks off', () => {
      const rig = new ServerRig();
      rig.say(get());
      rig.requests[0].stream.head(ok(), false);
      rig.requests[0].stream.reset(ErrorCode.INTERNAL_ERROR);
      rig.settle();
      expect(rig.end).to.equal('aborted');
      expect(rig.requests[0].failure, 'it knows').to.equal(null);
    });

    it('is not disturbed by a handler before it that speaks again', () => {
      const rig = new ServerRig();
      rig.say(get('/1') + get('/2'));
      const [first] = rig.requests;
      first.stream.head(ok(), true);
      rig.settle();
      first.stream.reset(ErrorCode.CANCEL);
      first.say('more', true);
      first.stream.consumed(10);
      rig.requests[1].stream.head(ok(), true);
      rig.settle();
      expect(rig.end).to.equal('');
      expect(rig.text.match(/HTTP\/1\.1 200/g)).to.have.length(2);
    });
  });

  describe('the end of the client', () => {
    it('between requests closes the connection', () => {
      const rig = new ServerRig();
      rig.connection.peerEnded();
      expect(rig.end).to.equal('good');
      expect(rig.events).to.deep.equal(['ended']);
    });

    it('behind whole requests still gets their replies', () => {
      const rig = new ServerRig();
      rig.say(get('/1') + get('/2'));
      rig.connection.peerEnded();
      expect(rig.events).to.deep.equal(['halfClosed']);
      for (const i of [0, 1]) {
        rig.requests[i].stream.head(ok(), true);
        rig.settle();
      }
      expect(rig.text.match(/HTTP\/1\.1 200/g)).to.have.length(2);
      expect(rig.end).to.equal('good');
    });

    it('in the middle of a head or a body is answered with 400, and is no violation of the protocol for the handler', () => {
      for (const [text, requests] of [
        ['GET / HT', 0],
        ['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab', 1],
      ] as const) {
        const rig = new ServerRig();
        rig.say(text);
        rig.connection.peerEnded();
        rig.settle();
        expect(rig.text).to.match(/^HTTP\/1\.1 400 /);
        expect(rig.requests).to.have.length(requests);
        if (requests > 0) expect(rig.requests[0].failure).to.include({ kind: 'closed' });
        expect(rig.end).to.equal('bad');
      }
    });

    it('that is lost fails what is under way, once', () => {
      const rig = new ServerRig();
      rig.say(get());
      rig.connection.transportClosed('reset');
      rig.connection.transportClosed('closed');
      expect(rig.requests[0].failure).to.include({ kind: 'closed', code: ErrorCode.CANCEL });
      expect(rig.events).to.deep.equal(['ended']);
      rig.requests[0].stream.head(ok(), true);
      expect(rig.connection.out.length).to.equal(0);
    });
  });

  describe('timeouts and stalls', () => {
    it('answers a head that takes too long with 408, and closes an unused connection without a word', () => {
      const slow = new ServerRig();
      slow.nowMs = 5;
      slow.say('GET / HTTP/1.1\r\nx: ');
      expect(slow.connection.headSinceMs).to.equal(5);
      slow.nowMs = 6;
      slow.say('y');
      expect(slow.connection.headSinceMs, 'since its first byte').to.equal(5);
      slow.connection.headTimedOut();
      slow.settle();
      expect(slow.text).to.match(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      const unused = new ServerRig();
      unused.connection.headTimedOut();
      unused.settle();
      expect(unused.text).to.equal('');
      expect(unused.end).to.equal('good');
    });

    it('answers an upload of which next to nothing comes with 408', () => {
      const rig = new ServerRig();
      rig.say('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n');
      rig.connection.checkUploads(3);
      for (let i = 0; i < 10; i++) {
        rig.say('x'.repeat(1024));
        rig.connection.checkUploads(3);
      }
      expect(rig.end, 'it is slow, not stalled').to.equal('');
      for (let i = 0; i < 3; i++) {
        rig.say('x'.repeat(100));
        rig.connection.checkUploads(3);
      }
      expect(rig.end).to.equal('');
      rig.connection.checkUploads(3);
      rig.settle();
      expect(rig.text)
        .to.match(/^HTTP\/1\.1 408 /)
        .and.include('next to nothing of its request body');
      expect(rig.requests[0].failure).to.include({ kind: 'protocol' });
      expect(rig.refused.map(({ reason }) => reason)).to.deep.equal(['timeout']);
    });

    it('waits for an upload that its handler holds up, and for one whose reply has begun', () => {
      const held = new ServerRig({ onRequest: (request) => (request.consumesAtOnce = false) });
      held.say(post('/', 'x'.repeat(windowBytes * 2)));
      const talking = new ServerRig();
      talking.say('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
      talking.requests[0].stream.head(ok(), false);
      for (let i = 0; i < 10; i++) {
        held.connection.checkUploads(3);
        talking.connection.checkUploads(3);
      }
      expect([held.end, talking.end]).to.deep.equal(['', '']);
    });

    it('breaks off a reply of which the client takes nothing', () => {
      const rig = new ServerRig();
      rig.say(get());
      rig.requests[0].stream.head(ok(), false);
      rig.requests[0].say('abc', false);
      rig.flush(false);
      for (let i = 0; i < 4; i++) rig.connection.checkStalls(3);
      expect(rig.end).to.equal('');
      rig.connection.checkStalls(3);
      expect(rig.end).to.equal('aborted');
      expect(rig.requests[0].failure).to.include({ kind: 'protocol', code: ErrorCode.ENHANCE_YOUR_CALM });
    });
  });

  describe('a WebSocket', () => {
    it('gets the bytes behind its head, and both sides close on their own', () => {
      const rig = new ServerRig();
      rig.say(`${socketHead}ahead`);
      const [socket] = rig.tunnels;
      expect(socket.heard).to.equal('ahead');
      socket.tunnel.data(Buffer.from('HTTP/1.1 101 x\r\n\r\n'), 0, 18, false);
      rig.say(' later');
      rig.settle();
      expect(rig.text).to.equal('HTTP/1.1 101 x\r\n\r\n');
      expect(socket).to.include({ heard: 'ahead later', sentBytes: 18 });
      socket.tunnel.data(Buffer.from('bye'), 0, 3, true);
      rig.settle();
      expect(rig.end).to.equal('good');
      rig.say('!');
      rig.connection.peerEnded();
      expect(socket).to.include({ heard: 'ahead later!', isEnded: true });
      rig.connection.transportClosed('closed');
      expect(socket.failure).to.equal(null);
    });

    it('is read only as far as its window', () => {
      const rig = new ServerRig();
      rig.say(socketHead + 'x'.repeat(windowBytes + 100));
      const [socket] = rig.tunnels;
      expect(socket.heard).to.have.length(windowBytes);
      expect(rig.connection.readyForInput).to.equal(false);
      socket.tunnel.consumed(windowBytes);
      expect(socket.heard).to.have.length(windowBytes + 100);
      expect(rig.connection.readyForInput).to.equal(true);
    });

    it('fails where the client is lost, and is broken by a reset', () => {
      const lost = new ServerRig();
      lost.say(socketHead);
      lost.connection.transportClosed('reset');
      expect(lost.tunnels[0].failure).to.include({ kind: 'closed' });
      const reset = new ServerRig();
      reset.say(socketHead);
      reset.tunnels[0].tunnel.reset(ErrorCode.CANCEL);
      expect(reset.end).to.equal('aborted');
    });

    it('waits for the replies before it', () => {
      const rig = new ServerRig();
      rig.say(`${get('/1')}${socketHead}ahead`);
      expect(rig.tunnels).to.have.length(0);
      rig.requests[0].stream.head(ok(), true);
      rig.settle();
      expect(rig.tunnels[0].heard).to.equal('ahead');
    });
  });
});
