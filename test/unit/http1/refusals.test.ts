import { expect } from 'chai';
import { parse } from '../../support/http1-events.ts';

/**
 * Raw messages that have made two readers disagree: request smuggling, reply splitting and their relatives, with the rows of
 * http11probe, of "HTTP/1.1 must die" and of "Funky chunks". Each is refused as a whole, before a byte of it is passed on, or
 * read in the one way that is right.
 */

type Row = readonly [name: string, text: string, status: number, reason: string];

const host = 'Host: a.test\r\n';
const get = `GET / HTTP/1.1\r\n${host}`;
const post = `POST / HTTP/1.1\r\n${host}`;
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;

const lines: Row[] = [
  ['bare LF behind the request line', `GET / HTTP/1.1\n${host}\r\n`, 400, 'start_line'],
  ['bare LF behind a header', 'GET / HTTP/1.1\r\nHost: a.test\n\r\n', 400, 'field'],
  ['bare LF as the empty line', `${get}\n`, 400, 'field'],
  ['bare LF everywhere', 'GET / HTTP/1.1\nHost: a.test\n\n', 400, 'start_line'],
  ['bare CR behind the request line', `GET / HTTP/1.1\r${host}\r\n`, 400, 'start_line'],
  ['bare CR in a value', `${get}X: a\rb\r\n\r\n`, 400, 'field'],
  ['bare CR that begins a header', `${get}\rX: a\r\n\r\n`, 400, 'field'],
  ['CR CR LF', `${get}X: a\r\r\n\r\n`, 400, 'field'],
  ['CR before a name', `${get}X: a\r\n\rTransfer-Encoding: chunked\r\n\r\n`, 400, 'field'],
  ['NUL in a value', `${get}X: a\0b\r\n\r\n`, 400, 'field'],
  ['NUL in a name', `${get}X\0: a\r\n\r\n`, 400, 'field'],
  ['NUL in the target', `GET /\0 HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['vertical tab in a value', `${get}X: a\vb\r\n\r\n`, 400, 'field'],
  ['DEL in a value', `${get}X: a\x7f\r\n\r\n`, 400, 'field'],
  ['escape in a value', `${get}X: \x1b[2J\r\n\r\n`, 400, 'field'],
  ['two empty lines before the request', `\r\n\r\n${get}\r\n`, 400, 'start_line'],
  ['LF before the request', `\n${get}\r\n`, 400, 'start_line'],
  ['a space before the request', ` ${get}\r\n`, 400, 'start_line'],
  ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'start_line'],
];

const requestLines: Row[] = [
  ['two spaces before the target', `GET  / HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['two spaces before the version', `GET /  HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['a space behind the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 400, 'start_line'],
  ['a tab for a space', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['a form feed for a space', `GET\f/ HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['no target', `GET HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['no version (HTTP/0.9)', 'GET /\r\n', 400, 'start_line'],
  ['HTTP/0.9', `GET / HTTP/0.9\r\n${host}\r\n`, 505, 'version'],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 505, 'version'],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 505, 'version'],
  ['HTTP/9.9', `GET / HTTP/9.9\r\n${host}\r\n`, 505, 'version'],
  ['ICE/1.0', `SOURCE / ICE/1.0\r\n${host}\r\n`, 505, 'version'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'version'],
  ['HTTP/1.10', `GET / HTTP/1.10\r\n${host}\r\n`, 400, 'start_line'],
  ['HTTP/01.1', `GET / HTTP/01.1\r\n${host}\r\n`, 400, 'start_line'],
  ['HTTP/1', `GET / HTTP/1\r\n${host}\r\n`, 400, 'start_line'],
  ['HTTP /1.1', `GET / HTTP /1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['http/1.1', `GET / http/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['a method that is no token', `G(T / HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['a method with a byte above 0x7f', `G\xc9T / HTTP/1.1\r\n${host}\r\n`, 400, 'start_line'],
  ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405, 'method'],
  ['CONNECT with a path', `CONNECT / HTTP/1.1\r\n${host}\r\n`, 405, 'method'],
  ['an asterisk with GET', `GET * HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['a target without a slash', `GET a HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['an authority as the target', `GET a.test:80 HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['another scheme', `GET ftp://a.test/ HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['userinfo in the target', `GET http://u:p@a.test/ HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['no authority in the target', `GET http:///a HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
  ['a backslash in the authority', `GET http://a.test\\b/ HTTP/1.1\r\n${host}\r\n`, 400, 'target'],
];

const hosts: Row[] = [
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, 'host'],
  ['no host with an absolute form', 'GET http://a.test/ HTTP/1.1\r\n\r\n', 400, 'host'],
  ['two hosts', `${get}Host: b.test\r\n\r\n`, 400, 'host'],
  ['two equal hosts', `${get}${host}\r\n`, 400, 'host'],
  ['two hosts in HTTP/1.0', `GET / HTTP/1.0\r\n${host}${host}\r\n`, 400, 'host'],
  ...[
    'a:80:90',
    'a,b',
    'a b',
    'u@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'http://a',
    ':80',
    'a:x',
    '[::1',
    '::1',
    'a:99999',
    'a%zz',
    'caf\xe9',
    '"a"',
    'a\tb',
  ].map((value): Row => [`host ${value}`, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`, 400, 'host']),
];

const fields: Row[] = [
  ['a folded header', `${get}X: a\r\n b\r\n\r\n`, 400, 'field'],
  ['a header folded with a tab', `${get}X: a\r\n\tb\r\n\r\n`, 400, 'field'],
  ['a folded transfer-encoding', `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400, 'field'],
  ['a first header that is folded', `GET / HTTP/1.1\r\n ${host}\r\n`, 400, 'field'],
  ['a space before the colon', `${post}Content-Length : 3\r\n\r\nabc`, 400, 'field'],
  ['a tab before the colon', `${post}Transfer-Encoding\t: chunked\r\n\r\n`, 400, 'field'],
  ['a space in a name', `${get}X Y: a\r\n\r\n`, 400, 'field'],
  ['no colon', `${get}Transfer-Encoding chunked\r\n\r\n`, 400, 'field'],
  ['no name', `${get}: a\r\n\r\n`, 400, 'field'],
  ['a name in brackets', `${get}[X]: a\r\n\r\n`, 400, 'field'],
  ['a name with a byte above 0x7f', `${get}X\xff: a\r\n\r\n`, 400, 'field'],
  ['a pseudo-header', `${get}:path: /b\r\n\r\n`, 400, 'field'],
];

const lengths: Row[] = [
  ...[
    '',
    '-0',
    '-3',
    '+3',

    '3 3',
    '3,3',
    '3, 3',
    '3;a',
    '0x3',
    '3.0',
    '1e1',
    '3_0',
    'a',
    '\xb3',
    '\xef\xbc\x93',
    '9'.repeat(16),
    '9'.repeat(400),
    '18446744073709551619',
  ].map(
    (value): Row => [
      `content-length ${value.slice(0, 20)}`,
      `${post}Content-Length: ${value}\r\n\r\nabc`,
      400,
      'content_length',
    ],
  ),
  ['a vertical tab before a length', `${post}Content-Length: \v3\r\n\r\nabc`, 400, 'field'],
  ['two lengths', `${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400, 'content_length'],
  [
    'two lengths, one of them no number',
    `${post}Content-Length: 3\r\nContent-Length: x\r\n\r\nabc`,
    400,
    'content_length',
  ],
];

const codings: Row[] = [
  [
    'CL.TE',
    `${post}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
    400,
    'transfer_encoding',
  ],
  [
    'TE.CL',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n`,
    400,
    'transfer_encoding',
  ],
  [
    '0.CL',
    `GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
  [
    'chunked in HTTP/1.0',
    `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
  [
    'TE in HTTP/1.0 that keeps the connection',
    `POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
  ...(
    [
      [',', 400],
      ['', 400],
      [' , ', 400],
      ['chunked, chunked', 400],
      ['chunked,', 400],
      [',chunked', 400],
      ['chunked\xa0', 400],
      ['chunk\xc3\xa9d', 400],
      ['[chunked]', 400],
      ['identity', 400],
      ['chunked, identity', 400],
      ['identity, chunked', 501],
      ['gzip, chunked', 501],
      ['chunked, gzip', 400],
      ['xchunked', 400],
      ['chunkedx', 400],
      ['chunked;q=1', 400],
      ['chunked; a=b', 400],
      ['"chunked"', 400],
      ['x', 400],
      ['chunk', 400],
    ] as const
  ).map(
    ([value, status]): Row => [
      `coding ${JSON.stringify(value)}`,
      `${post}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
      status,
      'transfer_encoding',
    ],
  ),
  ['a vertical tab before chunked', `${post}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`, 400, 'field'],
  ['a form feed behind chunked', `${post}Transfer-Encoding: chunked\f\r\n\r\n0\r\n\r\n`, 400, 'field'],
  ['a NUL behind chunked', `${post}Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n`, 400, 'field'],
  [
    'two transfer-encodings',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
  [
    'chunked and identity in two lines',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
  [
    'an empty one beside chunked',
    `${post}Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'transfer_encoding',
  ],
];

const chunks: Row[] = [
  ...[
    '0x3',
    '+3',
    '-3',
    ' 3',
    '3 ',
    '3\t',
    '\t3',
    '3_0',
    '3g',
    '3,',
    'ghi',
    '',
    '.3',
    '3\0',
    '\xb3',
    '3\v',
  ].map(
    (size): Row => [
      `chunk size ${JSON.stringify(size)}`,
      `${chunked}${size}\r\nabc\r\n0\r\n\r\n`,
      400,
      'chunk',
    ],
  ),
  ['a size of 64 bits and 3', `${chunked}10000000000000003\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['a size of 32 bits and 3 with zeros', `${chunked}000000100000003\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['a size of 16 digits f', `${chunked}ffffffffffffffff\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['many zeros', `${chunked}${'0'.repeat(64)}3\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['bare LF behind a size', `${chunked}3\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['bare CR behind a size', `${chunked}3\rabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['CR CR LF behind a size', `${chunked}3\r\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['bare LF behind data', `${chunked}3\r\nabc\n0\r\n\r\n`, 400, 'chunk'],
  ['bare CR behind data', `${chunked}3\r\nabc\r0\r\n\r\n`, 400, 'chunk'],
  ['another byte for the CR behind data', `${chunked}3\r\nabcX\n0\r\n\r\n`, 400, 'chunk'],
  ['another byte for the LF behind data', `${chunked}3\r\nabc\rX0\r\n\r\n`, 400, 'chunk'],
  ['nothing behind data', `${chunked}3\r\nabc0\r\n\r\n`, 400, 'chunk'],
  ['two bytes of any kind behind data (TERM)', `${chunked}3\r\nabcXX0\r\n\r\n`, 400, 'chunk'],
  ['data longer than its size (SPILL)', `${chunked}3\r\nabcde\r\n0\r\n\r\n`, 400, 'chunk'],
  ['bare LF in an extension (EXT.TERM)', `${chunked}3;a\nbc\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['bare CR in an extension (TERM.EXT)', `${chunked}3;a\rbc\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['an extension without a name', `${chunked}3;\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['an extension without a name, bare LF', `${chunked}3;\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['an extension without a value', `${chunked}3;a=\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['white space before an extension', `${chunked}3 ;a\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['white space in an extension', `${chunked}3; a\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['CRLF in a quoted extension', `${chunked}3;a="\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['LF behind a quoted extension', `${chunked}3;a="b"\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['a control in an extension', `${chunked}3;a\x00\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['extensions over the limit', `${chunked}3;${'a'.repeat(300)}\r\nabc\r\n0\r\n\r\n`, 413, 'too_large'],
  [
    'extensions over the limit together',
    `${chunked}${`1;${'a'.repeat(100)}\r\nx\r\n`.repeat(3)}0\r\n\r\n`,
    413,
    'too_large',
  ],
  ['bare LF behind the last chunk', `${chunked}0\n\r\n`, 400, 'chunk'],
  ['bare LF as the last line', `${chunked}0\r\n\n`, 400, 'trailers'],
  ['bare CR as the last line', `${chunked}0\r\n\rX: a\r\n\r\n`, 400, 'trailers'],
  ['a folded trailer', `${chunked}0\r\nX: a\r\n b\r\n\r\n`, 400, 'trailers'],
  ['bare LF behind a trailer', `${chunked}0\r\nX: a\n\r\n`, 400, 'trailers'],
  ['a request line for a trailer', `${chunked}0\r\nGET / HTTP/1.1\r\n\r\n`, 400, 'trailers'],
  ['trailers over the limit', `${chunked}0\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431, 'too_large'],
  ['too many trailers', `${chunked}0\r\n${'X: a\r\n'.repeat(101)}\r\n`, 431, 'too_large'],
];

const others: Row[] = [
  ['an unknown expectation', `${post}Expect: a\r\nContent-Length: 3\r\n\r\nabc`, 417, 'expectation'],
  [
    'a second expectation',
    `${post}Expect: 100-continue, a\r\nContent-Length: 3\r\n\r\nabc`,
    417,
    'expectation',
  ],
  ['a request line over the limit', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 414, 'too_large'],
  ['a request line over the limit that never ends', `GET /${'a'.repeat(17_000)}`, 414, 'too_large'],
  ['a header over the limit', `${get}X: ${'a'.repeat(17_000)}\r\n\r\n`, 431, 'too_large'],
  ['headers over the limit', `${get}${`X: ${'a'.repeat(200)}\r\n`.repeat(90)}\r\n`, 431, 'too_large'],
  ['too many headers', `${get}${'X: a\r\n'.repeat(100)}\r\n`, 431, 'too_large'],
];

const length3 = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n';
const chunkedReply = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const replies: Row[] = [
  ['no HTTP', 'ICY 200 OK\r\n\r\n', 400, 'start_line'],
  ['HTTP/0.9: a body alone', '<html>', 400, 'start_line'],
  ['an empty line before the status', '\r\nHTTP/1.1 200 OK\r\n\r\n', 400, 'start_line'],
  ['bare LF behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 400, 'start_line'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', 505, 'version'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', 505, 'version'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', 400, 'status'],
  ...['99', '099', '1000', '2xx', '+20', '', '20 ', '-20'].map(
    (status): Row => [`status ${status}`, `HTTP/1.1 ${status} OK\r\n\r\n`, 400, 'status'],
  ),
  ['a control in the phrase', 'HTTP/1.1 200 O\rK\r\n\r\n', 400, 'start_line'],
  ['both length and chunks', `${length3}Transfer-Encoding: chunked\r\n\r\n`, 400, 'transfer_encoding'],
  ['two lengths', `${length3}Content-Length: 4\r\n\r\nabcd`, 400, 'content_length'],
  [
    'a coding that is not chunked alone',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    501,
    'transfer_encoding',
  ],
  [
    'a coding that is not chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc',
    400,
    'transfer_encoding',
  ],
  [
    'chunked in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'transfer_encoding',
  ],
  ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', 400, 'field'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc', 400, 'field'],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    400,
    'status',
  ],
  ['bytes behind a length', `${length3}\r\nabcd`, 400, 'surplus'],
  ['bytes behind the last chunk', `${chunkedReply}3\r\nabc\r\n0\r\n\r\njunk`, 400, 'surplus'],
  ['a second reply', `${length3}\r\nabc${length3}\r\nabc`, 400, 'surplus'],
  ['a body with 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc', 400, 'surplus'],
  ['a body with 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc', 400, 'surplus'],
  ['bare LF behind a size', `${chunkedReply}3\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
  ['a chunk size of 64 bits and 3', `${chunkedReply}10000000000000003\r\nabc\r\n0\r\n\r\n`, 400, 'chunk'],
];

function refuses(role: 'request' | 'reply', rows: readonly Row[]): void {
  for (const [name, text, status, reason] of rows) {
    it(`refuses ${name}`, () => {
      const { error, events } = parse(role, text);
      expect(error).to.include({ status, reason });
      expect(events.filter((event) => 'failed' in event)).to.have.length(1);
      expect((error?.offset ?? -1) >= 0 && (error?.offset ?? 0) <= text.length).to.equal(true);
      // What is refused in the head leaves nothing to pass on.
      if (!['chunk', 'trailers', 'surplus', 'too_large'].includes(reason)) expect(events).to.have.length(1);
    });
  }
}

describe('http1 refusals', () => {
  describe('line ends and controls', () => refuses('request', lines));
  describe('request lines', () => refuses('request', requestLines));
  describe('hosts', () => refuses('request', hosts));
  describe('fields', () => refuses('request', fields));
  describe('content-length', () => refuses('request', lengths));
  describe('transfer-encoding', () => refuses('request', codings));
  describe('chunks', () => refuses('request', chunks));
  describe('other requests', () => refuses('request', others));
  describe('replies', () => refuses('reply', replies));

  it('takes a prefix of a request for a body only as far as it is one', () => {
    // TE.0: who ignores the coding takes the body for a request.
    const smuggled = `GET /admin HTTP/1.1\r\n${host}\r\n`;
    const te = `OPTIONS / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    expect(parse('request', te)).to.include({ body: smuggled }).and.have.property('heads').with.length(1);
    // CL.0, on methods that have no body as a rule.
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE']) {
      const cl = `${method} / HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`;
      expect(parse('request', cl), method)
        .to.include({ body: smuggled })
        .and.have.property('heads')
        .with.length(1);
    }
  });

  it('accepts what is unusual and has one meaning', () => {
    const accepted: ReadonlyArray<readonly [string, string]> = [
      [`\r\n${get}\r\n`, ''],
      [`g-t / HTTP/1.1\r\n${host}\r\n`, ''],
      ['GET / HTTP/1.1\r\nhOsT:a.test\r\n\r\n', ''],
      ['GET / HTTP/1.1\r\nHost:\r\n\r\n', ''],
      ['GET / HTTP/1.0\r\n\r\n', ''],
      [`GET /%00%0d%0a HTTP/1.1\r\n${host}\r\n`, ''],
      [`GET //a/../b HTTP/1.1\r\n${host}\r\n`, ''],
      [`${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 'abc'],
      [`${post}Content-Length: 003\r\n\r\nabc`, 'abc'],
      [`${post}Content-Length: \t3\t \r\n\r\nabc`, 'abc'],
      [`${post}Transfer-Encoding: \tcHUNKED \r\n\r\n003\r\nabc\r\n000\r\n\r\n`, 'abc'],
      [`${chunked}3;a;b=c;d="\\"e f"\r\nabc\r\n0;z\r\n\r\n`, 'abc'],
    ];
    for (const [text, body] of accepted) {
      const { error, body: got, events } = parse('request', text);
      expect(error, JSON.stringify(text)).to.equal(undefined);
      expect(got).to.equal(body);
      expect(events.at(-1)).to.deep.equal({ end: null });
    }
  });

  it('never lets `connection` remove what frames, routes or identifies', () => {
    const names = [
      'Content-Length',
      'Host',
      'X-Forwarded-For',
      'X-Forwarded-Client-Cert',
      'X-Real-IP',
      'Forwarded',
      'Via',
    ];
    const text = `POST / HTTP/1.1\r\n${host}Connection: ${names.join(', ')}, transfer-encoding, x-gone, :path\r\nContent-Length: 3\r\nX-Forwarded-For: 1\r\nX-Forwarded-Client-Cert: 2\r\nX-Real-IP: 3\r\nForwarded: 4\r\nVia: 5\r\nX-Gone: 6\r\n\r\nabc`;
    const {
      fields: [head],
      body,
    } = parse('request', text);
    expect(body).to.equal('abc');
    expect(head).to.deep.equal([
      ...[':method: POST', ':scheme: http', ':authority: a.test', ':path: /', 'content-length: 3'],
      ...['x-forwarded-for: 1', 'x-forwarded-client-cert: 2', 'x-real-ip: 3', 'forwarded: 4', 'via: 5'],
    ]);
  });

  it('lets the authority of an absolute form win over host', () => {
    const {
      fields: [head],
    } = parse('request', `GET http://b.test:8080/x HTTP/1.1\r\n${host}\r\n`);
    expect(head).to.deep.equal([':method: GET', ':scheme: http', ':authority: b.test:8080', ':path: /x']);
  });

  it('passes on no trailer that frames, routes or identifies', () => {
    const bad = [
      'Host',
      'Transfer-Encoding',
      'Trailer',
      'Connection',
      'TE',
      'Upgrade',
      'Authorization',
      'X-Forwarded-For',
      'Cookie',
    ];
    const { events } = parse(
      'request',
      `${chunked}0\r\nContent-Length: 5\r\n${bad.map((name) => `${name}: x\r\n`).join('')}X-T: 1\r\n\r\n`,
    );
    expect(events.at(-1)).to.deep.equal({ end: ['x-t: 1'] });
  });
});
