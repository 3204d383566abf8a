import { expect } from 'chai';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { MessageParser } from '../../../src/http1/message-parser.ts';
import { EventRecorder, parse, parserLimits } from '../../support/http1-events.ts';

const request = (text: string) => parse('request', text);

describe('http1/message-parser', () => {
  describe('requests', () => {
    it('become pseudo-headers and end-to-end fields', () => {
      const { events, fields } = request(
        'GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: \t1 \r\nX-Empty:\r\nx-a: 2\r\n\r\n',
      );
      expect(fields[0]).to.deep.equal([
        ':method: GET',
        ':scheme: http',
        ':authority: a.test',
        ':path: /a?b',
        'x-a: 1',
        'x-empty: ',
        'x-a: 2',
      ]);
      expect(events).to.have.length(2);
      expect(events[0]).to.have.property('of').that.includes({
        framing: 'none',
        bodyBytes: 0,
        minorVersion: 1,
        keepAlive: true,
        websocket: false,
        expectsContinue: false,
      });
      expect(events[1]).to.deep.equal({ end: null });
    });

    it('follow each other on a connection, with a length, chunks, trailers, or no body', () => {
      const { events } = request(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc' +
          '\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n' +
          '3\r\nabc\r\nA;x="y\\" z";w=1\r\n0123456789\r\n0\r\nX-T: 1\r\nContent-Length: 5\r\n\r\n' +
          'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      expect(events.map((event) => ('of' in event ? event.of.framing : event))).to.deep.equal([
        'length',
        { data: 'abc' },
        { end: null },
        'chunked',
        { data: 'abc0123456789' },
        { end: ['x-t: 1'] },
        'length',
        { end: null },
        'none',
        { end: null },
      ]);
    });

    it('of HTTP/1.0 close unless they ask to be kept', () => {
      const kept = (text: string) => request(text).heads[0].keepAlive;
      expect(kept('GET / HTTP/1.0\r\n\r\n')).to.equal(false);
      expect(kept('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n')).to.equal(true);
      expect(kept('GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n')).to.equal(false);
      expect(kept('GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n')).to.equal(false);
    });

    it('for WebSocket stop the parser behind the head until it is resumed', () => {
      const recorder = new EventRecorder();
      const parser = new MessageParser('request', 'http', parserLimits, new HeadCache(), recorder);
      const bytes = Buffer.from(
        'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\nGET',
      );
      const at = parser.receive(bytes, 0, bytes.length);
      expect(bytes.length - at).to.equal(3);
      expect(recorder.heads[0].websocket).to.equal(true);
      expect(parser.receive(bytes, at, bytes.length)).to.equal(at);
      parser.resume();
      expect(parser.receive(bytes, at, bytes.length)).to.equal(bytes.length);
      expect(parser.idle).to.equal(false);
    });

    it('wait where the listener pauses', () => {
      const recorder = new EventRecorder();
      const parser = new MessageParser('request', 'http', parserLimits, new HeadCache(), recorder);
      recorder.end = () => parser.pause();
      const one = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
      const bytes = Buffer.from(one + one);
      expect(parser.receive(bytes, 0, bytes.length)).to.equal(one.length);
      expect(recorder.heads).to.have.length(1);
      expect(parser.idle).to.equal(true);
      parser.resume();
      expect(parser.receive(bytes, one.length, bytes.length)).to.equal(bytes.length);
      expect(recorder.heads).to.have.length(2);
      expect(parser.offset).to.equal(bytes.length);
    });

    it('that are malformed fail once, with the byte', () => {
      const { events } = request('GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\nGET / HTTP/1.1\r\n');
      expect(events).to.deep.equal([
        {
          failed: {
            status: 400,
            reason: 'field',
            words: 'white space in or behind a header name',
            offset: 26,
          },
        },
      ]);
    });
  });

  describe('replies', () => {
    it('end with their length, with chunks, or with the connection', () => {
      const bodies = (text: string) => parse('reply', text, { fin: true });
      expect(bodies('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab').body).to.equal('ab');
      expect(
        bodies('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n').body,
      ).to.equal('ab');
      const { body, heads, events } = bodies('HTTP/1.0 200 OK\r\n\r\nab');
      expect(body).to.equal('ab');
      expect(heads[0]).to.include({ framing: 'close', keepAlive: false, bodyBytes: -1 });
      expect(events.at(-1)).to.deep.equal({ end: null });
    });

    it('that end too early are incomplete', () => {
      for (const text of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na'])
        expect(parse('reply', text, { fin: true }).error, text).to.include({ reason: 'incomplete' });
    });

    it('to HEAD and with 204 and 304 have no body', () => {
      const framing = (text: string, method = 'GET') => parse('reply', text, { methods: [method] }).heads[0];
      expect(framing('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD')).to.include({
        framing: 'none',
        keepAlive: true,
      });
      expect(framing('HTTP/1.1 200 OK\r\n\r\n', 'HEAD')).to.include({ framing: 'none', keepAlive: true });
      expect(framing('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n').framing).to.equal('none');
      const none = parse('reply', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n');
      expect(none.fields[0]).to.deep.equal([':status: 204']);
    });

    it('are told with the interim ones before them', () => {
      const { fields } = parse(
        'reply',
        'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n',
      );
      expect(fields).to.deep.equal([
        [':status: 103', 'link: x'],
        [':status: 200', 'content-length: 0'],
      ]);
    });

    it('that nothing asked for are surplus', () => {
      const { events, error, body } = parse('reply', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabjunk');
      expect(body).to.equal('ab');
      expect(events.at(-2)).to.deep.equal({ end: null });
      expect(error).to.include({ reason: 'surplus', offset: 40 });
    });

    it('switch to WebSocket only where that was asked for', () => {
      const text = 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz';
      expect(parse('reply', text, { websocket: true }).heads[0].websocket).to.equal(true);
      expect(parse('reply', text, { websocket: true }).events).to.have.length(1);
      expect(parse('reply', text).error).to.include({ reason: 'status' });
    });
  });
});
