import { expect } from 'chai';
import {
  data,
  getHead,
  goaway,
  headers,
  ok,
  okHead,
  postHead,
  reset,
  Scripted,
  settings,
  settingsAck,
} from './support.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const withBody = [...postHead, ['content-length', '4']] as const;

describe('http2/stream', () => {
  describe('the end', () => {
    const late = (id: number): Buffer => headers(id, okHead, true);

    it('of both messages frees the stream, and what comes for it later is an offence', () => {
      for (const ending of [
        [headers(1, okHead, true)],
        [headers(1, okHead, false), data(1, 'x', true)],
        [headers(1, okHead, false), headers(1, [['grpc-status', '0']], true)],
        [reset(1, 8)],
      ]) {
        const client = new Scripted('client');
        client.request();
        client.send(...ending);
        expect(client.connection.active).to.equal(0);
        client.said();
        client.send(late(1));
        expect(client.said()).to.deep.equal(['RST_STREAM 1 5']);
      }
    });

    it('by a stream error of the peer makes what was on its way no offence', () => {
      const server = new Scripted('server');
      server.send(headers(1, withBody, false), data(1, 'abcde'));
      expect(server.said()).to.deep.equal(['RST_STREAM 1 1']);
      server.send(data(1, 'more'), data(1, 'more'));
      expect(server.said()).to.deep.equal([]);
    });

    it('by a GOAWAY that leaves the stream out is the end: what comes for it is an offence', () => {
      const client = new Scripted('client');
      const [kept, refused] = [client.request(), client.request()];
      client.said();
      client.send(goaway(1, 0));
      expect([kept.failures.length, refused.failures[0].kind]).to.deep.equal([0, 'refused']);
      client.said();
      client.send(late(3));
      expect(client.said()).to.deep.equal(['RST_STREAM 3 5']);
    });

    it('of the connection is no failure of a call whose reply is whole', () => {
      const client = new Scripted('client');
      const recorder = client.request(postHead, false);
      client.send(headers(1, okHead, true));
      client.connection.transportClosed('gone');
      expect(recorder.events).to.deep.equal(['head 200 last']);
    });

    it('is reported once to each, though the first that hears of it resets the others', () => {
      const client = new Scripted('client');
      const [first, second] = [client.request(), client.request()];
      client.said();
      first.failed = () => second.stream?.reset(8);
      client.connection.transportClosed('gone');
      expect([second.events, client.connection.active]).to.deep.equal([[], 0]);
    });

    it('by ourselves is said to the server where it has the head, of the very first flush too', () => {
      const client = new Scripted('client', {}, false);
      const [first, second] = [client.request(), client.request()];
      client.said();
      first.stream?.reset(8);
      expect(client.said()).to.deep.equal(['RST_STREAM 1 8']);
      client.connection.transportClosed('gone');
      expect(second.failures[0].kind).to.equal('closed');
    });
  });

  describe('calls that their client takes back', () => {
    const many = Array.from({ length: 200 }, (_, index) => 2 * index + 1);
    const attacked = (server: Scripted): boolean => server.error !== undefined;

    it('are an attack when they are many and early', () => {
      const server = new Scripted('server', { earlyResetsMax: 50 });
      server.nowMs = 5000;
      for (const id of many) if (!attacked(server)) server.send(headers(id, getHead, true), reset(id, 8));
      expect(attacked(server)).to.equal(true);
    });

    it('are none once their reply has begun, in the very first flush too', () => {
      const server = new Scripted('server', { earlyResetsMax: 50 }, false);
      server.handler = (stream) => stream.head(ok, false);
      server.send(preface, settings(), settingsAck);
      for (const id of many) server.send(headers(id, getHead, true), reset(id, 8));
      expect(attacked(server)).to.equal(false);
    });

    it('are none after a second', () => {
      for (const [afterMs, isAttack] of [
        [999, true],
        [1000, false],
      ] as const) {
        const server = new Scripted('server', { earlyResetsMax: 50 });
        server.nowMs = 5000;
        server.send(...many.map((id) => headers(id, getHead, true)));
        server.nowMs += afterMs;
        server.send(...many.map((id) => reset(id, 8)));
        expect(attacked(server), `${afterMs} ms`).to.equal(isAttack);
      }
    });
  });
});
