import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import {
  acceptOf,
  connectOfHandshake,
  connectReplyOfSwitching,
  handshakeOfConnect,
  isWebSocketConnect,
  keyOf,
  switchingOfConnectReply,
  withKey,
} from '../../../src/http1/websocket-head.ts';

const pairs = (head: HeaderBlock) => head.allFields.map(({ name, value }) => [name, value]);
const target = [
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/chat'],
] as const;
const connect = HeaderBlock.of([':method', 'CONNECT'], [':protocol', 'websocket'], ...target, [
  'sec-websocket-version',
  '13',
]);

describe('the head of a WebSocket handshake', () => {
  it('is a GET in HTTP/1.1 and an extended CONNECT in HTTP/2, and each makes the other', () => {
    const handshake = handshakeOfConnect(connect);
    expect(pairs(handshake)).to.deep.equal([[':method', 'GET'], ...target, ['sec-websocket-version', '13']]);
    expect(pairs(connectOfHandshake(handshake))).to.deep.equal(pairs(connect));
  });

  it('has no key in HTTP/2, whatever was sent', () => {
    const keyed = new HeaderBlock([
      ...connect.allFields,
      ...HeaderBlock.of(['sec-websocket-key', 'k']).fields,
    ]);
    expect(keyOf(handshakeOfConnect(keyed))).to.equal('');
    expect(keyOf(connectOfHandshake(withKey(handshakeOfConnect(connect), new SeededRandom(1))))).to.equal('');
  });

  it('is told from other protocols, in any case', () => {
    const other = (protocol: string) => HeaderBlock.of([':method', 'CONNECT'], [':protocol', protocol]);
    expect(isWebSocketConnect(connect)).to.equal(true);
    expect(isWebSocketConnect(other('WebSocket'))).to.equal(true);
    expect(isWebSocketConnect(other('connect-udp'))).to.equal(false);
    expect(isWebSocketConnect(HeaderBlock.of([':method', 'CONNECT']))).to.equal(false);
  });

  it('gets a key of 16 bytes from the randomness of the process', () => {
    const key = (seed: number) => keyOf(withKey(handshakeOfConnect(connect), new SeededRandom(seed)));
    expect(Buffer.from(key(1), 'base64')).to.have.length(16);
    expect(key(1)).to.equal(key(1)).and.not.equal(key(2));
  });

  it('answers a key as RFC 6455 does in its example', () => {
    expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')).to.equal('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});

describe('the reply that opens a WebSocket', () => {
  it('is a 101 for the 200 of an HTTP/2 endpoint, with the answer to the key of an HTTP/1.1 client', () => {
    const reply = HeaderBlock.of([':status', '200'], ['sec-websocket-protocol', 'a']);
    const fields = [
      [':status', '101'],
      ['sec-websocket-protocol', 'a'],
    ];
    expect(pairs(switchingOfConnectReply(reply, ''))).to.deep.equal(fields);
    expect(pairs(switchingOfConnectReply(reply, 'k'))).to.deep.equal([
      ...fields,
      ['sec-websocket-accept', acceptOf('k')],
    ]);
  });

  it('is a 200 without length, trailers or answer to a key for the 101 of an HTTP/1.1 endpoint', () => {
    const reply = HeaderBlock.of(
      [':status', '101'],
      ['content-length', '0'],
      ['trailer', 'x'],
      ['sec-websocket-accept', 'a'],
      ['x-own', '1'],
    );
    expect(pairs(connectReplyOfSwitching(reply))).to.deep.equal([
      [':status', '200'],
      ['x-own', '1'],
    ]);
  });
});
