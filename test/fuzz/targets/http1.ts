import { HeadCache } from '../../../src/http1/head-cache.ts';
import type { ParserLimits } from '../../../src/http1/message.ts';
import { parse } from '../../support/http1-events.ts';
import { differenceFromLlhttp } from '../../support/http1-llhttp.ts';
import { readings } from '../../support/http1-reference.ts';
import { ByteSource } from '../byte-source.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

const headBytes = 2;
const inputBytesMax = 1024;
const limits: ReadonlyArray<Partial<ParserLimits>> = [
  {},
  { headBytesMax: 64 },
  { fieldsMax: 3 },
  { chunkExtensionBytesMax: 4 },
];
const methods = [['GET', 'GET', 'GET'], ['HEAD', 'GET'], ['GET', 'HEAD', 'POST'], ['GET']];

/** Reads the input whole and in pieces, with a cache that is new and one that knows it, beside the reference. */
function runRole(role: 'request' | 'reply', input: Uint8Array): void {
  const source = new ByteSource(input);
  const choice = source.u8();
  const pieceBytes = 1 + source.below(40);
  const text = Buffer.from(source.rest()).toString('latin1');
  const heads = new HeadCache();
  const options = {
    heads,
    methods: methods[choice & 3],
    limits: limits[(choice >> 2) & 3],
    websocket: (choice & 16) !== 0,
  };
  const whole = parse(role, text, options).events;
  const cuts = Array.from({ length: Math.floor(text.length / pieceBytes) }, (_, i) => (i + 1) * pieceBytes);
  check(
    JSON.stringify(parse(role, text, { ...options, cuts }).events) === JSON.stringify(whole),
    `pieces of ${pieceBytes} bytes are read in another way than the whole`,
  );
  for (let i = 0; i < 3; i++) {
    const { ours, reference } = readings(role, text, options);
    check(ours === reference, `read as\n${ours}\nbut the reference has\n${reference}`);
  }
}

const dictionary = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    ' ',
    '\t',
    ':',
    ': ',
    ',',
    ';',
    '=',
    '"',
    '\\',
    '\x00',
    '\x0b',
    '\x7f',
    '\xff',
  ],
  ...[
    'GET / HTTP/1.1\r\n',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0',
    'HTTP/2.0',
    'http://a',
    '*',
    'OPTIONS',
    'CONNECT',
  ],
  ...[
    'Host: a\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'chunked',
    'gzip',
    '3, 3',
    '+3',
    '0x3',
  ],
  ...[
    'Connection: close\r\n',
    'keep-alive',
    'Upgrade: websocket\r\n',
    'Expect: 100-continue\r\n',
    'Keep-Alive: timeout=5',
  ],
  ...[
    '3\r\nabc\r\n',
    '0\r\n\r\n',
    '0\r\nX: y\r\n\r\n',
    '3;a="b"\r\nabc\r\n',
    '100 ',
    '101 ',
    '204 ',
    '304 ',
    '[::1]:80',
  ],
].map(bytesOf);

function seedsOf(texts: readonly string[]): Uint8Array[] {
  return texts.map((text, i) => Buffer.concat([Buffer.of(i * 5, i * 3), bytesOf(text)]));
}

const requests = [
  'GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\nGET http://b.test:80 HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: x, close\r\nX: 1\r\n\r\nabc',
  'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3;a=b;c="d\\"e"\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00',
  '\r\nOPTIONS * HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
];
const replies = [
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nKeep-Alive: timeout=5\r\n\r\nabcHTTP/1.1 404 Gone\r\n\r\nabc',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00',
];

const shape = { inputBytesMax, recordBytes: 1, headBytes, dictionary };

export const http1Request: FuzzTarget = {
  ...shape,
  about: 'HTTP/1.1 requests: any split gives the same events, and the reference reads the same',
  seeds: () => seedsOf(requests),
  run: (input) => runRole('request', input),
};

export const http1Reply: FuzzTarget = {
  ...shape,
  about: 'HTTP/1.1 replies: any split gives the same events, and the reference reads the same',
  seeds: () => seedsOf(replies),
  run: (input) => runRole('reply', input),
};

export const http1Llhttp: FuzzTarget = {
  ...shape,
  about: "HTTP/1.1 messages: Node's parser reads the same, but for listed rules",
  seeds: () => [
    ...requests.map((text) => bytesOf(`\0\0${text}`)),
    ...replies.map((text) => bytesOf(`\x01\0${text}`)),
  ],
  run: (input) => {
    const role = ((input[0] ?? 0) & 1) === 0 ? 'request' : 'reply';
    const difference = differenceFromLlhttp(role, Buffer.from(input.subarray(headBytes)).toString('latin1'));
    check(difference === null, `llhttp reads it in another way: ${difference}`);
  },
};
