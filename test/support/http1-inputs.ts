import fc from 'fast-check';

/** Pieces of HTTP/1.1 messages, right and wrong ones, that arbitrary messages are made of. */

const requestLines = [
  'GET / HTTP/1.1',
  'POST /a?b=c HTTP/1.1',
  'HEAD /x HTTP/1.0',
  'OPTIONS * HTTP/1.1',
  'get /lower HTTP/1.1',
  'GET http://b.test:81/p?q HTTP/1.1',
  'GET http://b.test HTTP/1.1',
  'OPTIONS https://b.test HTTP/1.1',
  'CONNECT a:443 HTTP/1.1',
  'GET /  HTTP/1.1',
  'GET / HTTP/1.1 ',
  'GET  / HTTP/1.1',
  'GET /',
  'GET * HTTP/1.1',
  'GET a HTTP/1.1',
  'GET /#f HTTP/1.1',
  'GET /\x01 HTTP/1.1',
  'GET /\xe9 HTTP/1.1',
  'GET http://u@a/ HTTP/1.1',
  'GET / HTTP/2.0',
  'GET / HTTP/1.2',
  'GET / http/1.1',
  'GET / ICE/1.0',
  'G@T / HTTP/1.1',
  ' GET / HTTP/1.1',
];
const statusLines = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 200 Fine',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 103 Early Hints',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 404 ',
  'HTTP/1.1 500',
  'HTTP/1.1 999 \xe9',
  'HTTP/1.1 099 Low',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1  200 OK',
  'HTTP/2.0 200 OK',
  'ICY 200 OK',
  'HTTP/1.1 200 O\x00K',
];
const fieldLines = [
  'Host: a.test',
  'host: b.test:80',
  'Host:',
  'Host: a:80:90',
  'Host: a,b',
  'Host: u@a',
  'Host: [::1]:8080',
  'Accept: */*',
  'X-Empty:',
  'X-Spaces: \t a b \t',
  'x-a: 1',
  'X-A: 2',
  'X-High: \xe9\xff',
  'Cookie: a=b; c=d',
  'Content-Type: text/plain',
  'Content-Length: 0',
  'Content-Length: 3',
  'Content-Length: 003',
  'Content-Length: 5',
  'Content-Length: 3, 3',
  'Content-Length: +3',
  'Content-Length: 0x3',
  'Content-Length: 1234567890123456',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: ,',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding : chunked',
  'Connection: close',
  'Connection: keep-alive, x-a',
  'Connection: Upgrade',
  'Connection: host, content-length, x-forwarded-for',
  'Keep-Alive: timeout=5, max=9',
  'Keep-Alive: x;timeout=77',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Expect: 100-Continue, x',
  'TE: trailers',
  'Trailer: x-t',
  'X-Forwarded-For: 192.0.2.1',
  ' folded',
  '\tfolded',
  'NoColon',
  ': no name',
  'X-Bad Name: 1',
  'X-Nul: a\x00b',
  'X-Cr: a\rb',
  'X-Del: a\x7f',
  'X-\xe9: 1',
];
const bodies = [
  '',
  'abc',
  'abcde',
  '3\r\nabc\r\n0\r\n\r\n',
  '3;a\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'A;a=b;c="d\\"e"\r\n0123456789\r\n0;x\r\n\r\n',
  '0\r\n\r\n',
  '0\r\nHost: x\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n',
  '0x3\r\nabc\r\n0\r\n\r\n',
  '+3\r\nabc\r\n0\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  '3\nabc\r\n0\r\n\r\n',
  '3\r\nabcd\r\n0\r\n\r\n',
  '3\r\nabc\n0\r\n\r\n',
  '3;\r\nabc\r\n0\r\n\r\n',
  '3;a="\r\nabc\r\n0\r\n\r\n',
  '3;a=\r\nabc\r\n0\r\n\r\n',
  '0\r\n folded\r\n\r\n',
  '0\r\n\n',
  'FFFFFFFFFFFFFF\r\n',
  '00000000000003\r\nabc\r\n0\r\n\r\n',
  '-1\r\n',
];
/** A header that frames a body, and bodies that it may frame. */
const framedBodies: ReadonlyArray<readonly [string, string]> = [
  ['', ''],
  ['Content-Length: 0', ''],
  ['Content-Length: 3', 'abc'],
  ['Content-Length: 5', 'abcde'],
  ...bodies.slice(3, 8).map((body) => ['Transfer-Encoding: chunked', body] as const),
];
const lineEnds = ['\n', '\r', '\r\r\n', '', '\r\n\r\n'];
const pieces = [
  ...[
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    ':',
    '\x00',
    '\x0b',
    '\x7f',
    '\xff',
    ';',
    ',',
    '0',
    'chunked',
    'GET / HTTP/1.1\r\n',
  ],
  ...['Host: a\r\n', 'HTTP/1.1 200 OK\r\n', '\r\n\r\n', '0\r\n\r\n', 'Content-Length: 1\r\n'],
];

/** Mostly the CRLF that belongs there. */
const lineEnd = fc.oneof({ weight: 200, arbitrary: fc.constant('\r\n') }, fc.constantFrom(...lineEnds));

function message(startLines: readonly string[]): fc.Arbitrary<string> {
  // What is right comes first in the lists, and is chosen more often.
  const start = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...startLines.slice(0, 8)) },
    { weight: 1, arbitrary: fc.constantFrom(...startLines) },
  );
  const sound = fieldLines.filter((line) =>
    /^(x-a|X-A|Accept|Cookie|Content-Type|X-E|X-S|Connection|Keep|TE|Trailer)/.test(line),
  );
  const line = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...sound) },
    { weight: 1, arbitrary: fc.constantFrom(...fieldLines) },
  );
  const framing = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...framedBodies) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom(...framedBodies).map(([length]) => length),
        fc.constantFrom(...bodies),
      ),
    },
  );
  return fc
    .tuple(
      start,
      fc.integer({ min: 0, max: 9 }),
      fc.array(line, { maxLength: 6 }),
      framing,
      fc.array(lineEnd, { minLength: 10, maxLength: 10 }),
    )
    .map(([first, hostless, lines, [length, body], ends]) => {
      const all = [
        first,
        ...(hostless === 0 ? [] : ['Host: a.test']),
        ...lines,
        ...(length === '' ? [] : [length]),
        '',
      ];
      return all.map((text, i) => text + ends[i]).join('') + body;
    });
}

/** A change of a text: `length` characters at a place, which is a share of the whole, become `by`. */
const change = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0, 1, 2),
  fc.oneof(
    fc.constantFrom(...pieces),
    fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
  ),
);

function changed(text: string, changes: ReadonlyArray<[number, number, string]>): string {
  let result = text;
  for (const [share, length, by] of changes) {
    const at = Math.floor(share * result.length);
    result = result.slice(0, at) + by + result.slice(at + length);
  }
  return result;
}

/** Messages of one direction behind each other, some with a few changes. */
export function arbitraryInput(role: 'request' | 'reply'): fc.Arbitrary<string> {
  const lines = role === 'request' ? requestLines : statusLines;
  const changes = fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
  );
  return fc
    .tuple(fc.array(message(lines), { minLength: 1, maxLength: 3 }), changes)
    .map(([messages, list]) => changed(messages.join(''), list));
}
