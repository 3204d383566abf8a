import {
  broken,
  chunked,
  forwarded,
  get,
  last,
  length,
  passed,
  post,
  type RequestRow,
  refused,
  smuggled,
} from './rows.ts';

/** Where a body ends: content-length against transfer-encoding, and either against itself. */

const hello = 'hello';
/** An empty chunked body with a request behind it. */
const emptyChunks = `0\r\n\r\n${smuggled}`;
const chunks = '5\r\nhello\r\n0\r\n\r\n';
const postChunked = forwarded('POST /', chunked, chunks);
const postLength = forwarded('POST /', length(5), hello);

const both = (name: string, fields: string, body: string): RequestRow =>
  refused(name, 'RFC 9112 6.3', `${post}${fields}\r\n\r\n${body}`);
const coding = (name: string, value: string, status = 400): RequestRow =>
  refused(
    `transfer-encoding ${name}`,
    'RFC 9112 6.1',
    `${post}Transfer-Encoding: ${value}\r\n\r\n${chunks}`,
    status,
  );
const badLength = (name: string, value: string): RequestRow =>
  refused(
    `content-length ${name}`,
    'RFC 9110 8.6',
    `${post}Content-Length: ${value}\r\n\r\n0123456789abcdef`,
  );

const desyncs: readonly RequestRow[] = [
  both('CL.TE', `Content-Length: ${emptyChunks.length}\r\nTransfer-Encoding: chunked`, emptyChunks),
  both('CL.TE, a byte left over', 'Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nX'),
  both('TE.CL', 'Transfer-Encoding: chunked\r\nContent-Length: 4', `27\r\n${smuggled}\r\n0\r\n\r\n`),
  both('TE.CL, longer than the chunks', 'Transfer-Encoding: chunked\r\nContent-Length: 30', '0\r\n\r\nX'),
  both('TE.0', 'Transfer-Encoding: chunked\r\nContent-Length: 0', chunks),
  both('CL.0 with an unknown coding', 'Content-Length: 0\r\nTransfer-Encoding: \tchunked', smuggled),
  both('TE beside an equal length', `Content-Length: ${chunks.length}\r\nTransfer-Encoding: chunked`, chunks),
  both(
    'a coding twice, and a length',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 5',
    hello,
  ),
  refused(
    'OPTIONS with a folded coding and a length',
    'Http11Probe',
    `OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello`,
  ),
  // RFC 9112 section 6.3: without a length a request has no body; what follows is the next request.
  passed('no length and bytes behind: the next request', 'RFC 9112 6.3', `${get}\r\n`, forwarded('GET /')),
  refused(
    '0.CL: a length in a line that is folded',
    'HTTP/1.1 must die',
    `${get}Content-Length:\r\n 43\r\n\r\n${smuggled}`,
  ),
  refused(
    '0.CL: a length behind a space',
    'HTTP/1.1 must die',
    `${get} Content-Length: 43\r\n\r\n${smuggled}`,
  ),
  refused('0.CL: a length behind a tab', 'HTTP Garden 4', `${get}\tContent-Length: 43\r\n\r\n${smuggled}`),
  refused('0.CL: a name with a space', 'HTTP/1.1 must die', `${get}Content-Length : 43\r\n\r\n${smuggled}`),
  refused(
    '0.CL: a name over two lines',
    'HTTP Garden 37',
    `${post}Transfer-\r\nEncoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  ),
  refused('a length without a colon', 'HTTP Garden 28', `${post}Content-Length 10\r\n\r\n0123456789`),
  refused(
    'a length with NEL behind its name',
    'HTTP Garden 20',
    `${post}Content-Length\x85: 10\r\n\r\n0123456789`,
  ),
];

const lengths: readonly RequestRow[] = [
  passed('content-length', 'RFC 9112 6.2', `${post}Content-Length: 5\r\n\r\nhello`, postLength),
  passed(
    'content-length 0',
    'RFC 9112 6.2',
    `${post}Content-Length: 0\r\n\r\n`,
    forwarded('POST /', length(0)),
  ),
  passed('POST without a length', 'RFC 9112 6.3', `${post}\r\n`, forwarded('POST /', length(0))),
  passed(
    'content-length with blanks around it',
    'RFC 9112 5.1',
    `${post}Content-Length: \t 5 \t\r\n\r\nhello`,
    postLength,
  ),
  // Written again in decimal: a reader behind us that takes it for octal has nothing to mistake.
  passed('content-length 005', 'HTTP Garden 32', `${post}Content-Length: 005\r\n\r\nhello`, postLength),
  passed(
    'content-length 010',
    'HTTP Garden 32',
    `${post}Content-Length: 010\r\n\r\n0123456789`,
    forwarded('POST /', length(10), '0123456789'),
  ),
  passed(
    'content-length 00',
    'Http11Probe',
    `${post}Content-Length: 00\r\n\r\n`,
    forwarded('POST /', length(0)),
  ),
  passed(
    'two equal content-lengths',
    'RFC 9110 8.6',
    `${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    postLength,
  ),
  refused(
    'two content-lengths, the first smaller',
    'RFC 9112 6.3',
    `${post}Content-Length: 0\r\nContent-Length: 43\r\n\r\n${smuggled}`,
  ),
  refused(
    'two content-lengths, the first larger',
    'RFC 9112 6.3',
    `${post}Content-Length: 43\r\nContent-Length: 0\r\n\r\n${smuggled}`,
  ),
  refused(
    'an empty content-length before another',
    'HTTP Garden 42',
    `${get}Content-Length: \r\nContent-Length: 43\r\n\r\n${smuggled}`,
  ),
  badLength('that is empty', ''),
  badLength('with a plus', '+5'),
  badLength('below zero', '-5'),
  badLength('minus zero', '-0'),
  badLength('in hexadecimal', '0x5'),
  badLength('in octal, as some languages write it', '0o5'),
  badLength('with a letter behind', '5x'),
  badLength('with an underscore', '1_0'),
  badLength('with a blank inside', '1 0'),
  badLength('as a list of equal numbers', '5, 5'),
  badLength('as a list of different numbers', '5, 10'),
  badLength('with a comma behind', '5,'),
  badLength('with a fraction', '5.0'),
  badLength('with an exponent', '1e1'),
  badLength('over 64 bits', '99999999999999999999'),
  badLength('over 53 bits', '9007199254740993'),
  badLength('that is 2^64 + 5', '18446744073709551621'),
  badLength('in Arabic-Indic digits', '\xd9\xa5'),
  badLength('with a no-break space before it', '\xa05'),
  badLength('with a NUL behind', '5\0'),
];

const codings: readonly RequestRow[] = [
  passed(
    'transfer-encoding',
    'RFC 9112 6.1',
    `${post}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
    postChunked,
  ),
  passed(
    'transfer-encoding CHUNKED',
    'RFC 9112 7',
    `${post}TRANSFER-ENCODING: CHUNKED\r\n\r\n${chunks}`,
    postChunked,
  ),
  passed(
    'transfer-encoding with blanks around it',
    'RFC 9112 5.1',
    `${post}Transfer-Encoding:\t chunked \t\r\n\r\n${chunks}`,
    postChunked,
  ),
  passed(
    'GET with chunks',
    'protocol.md',
    `${get}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
    forwarded('GET /', chunked, chunks),
  ),
  passed(
    'GET with a length',
    'protocol.md',
    `${get}Content-Length: 5\r\n\r\nhello`,
    forwarded('GET /', length(5), hello),
  ),
  passed(
    'OPTIONS with a length',
    'Http11Probe',
    `OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`,
    forwarded('OPTIONS /', length(5), hello),
  ),
  passed(
    'HEAD with a length',
    'Http11Probe',
    `HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`,
    forwarded('HEAD /', length(5), hello),
  ),
  passed(
    'an incomplete request as body of a GET',
    'Http11Probe',
    `${get}Content-Length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nx: `,
    forwarded('GET /', length(36), 'GET /smuggled HTTP/1.1\r\nHost: a\r\nx: '),
  ),
  coding('that is empty', ''),
  coding('of a comma', ','),
  coding('with a comma before it', ', chunked'),
  coding('with a comma behind', 'chunked,'),
  coding('twice in a list', 'chunked, chunked'),
  coding('chunked before gzip', 'chunked, gzip'),
  coding('with a vertical tab', '\x0bchunked'),
  coding('with a form feed', '\x0cchunked'),
  coding('with a NUL', 'chunked\0'),
  coding('with a no-break space', '\xa0chunked'),
  coding('in quotes', '"chunked"'),
  coding('folded', '\r\n chunked'),
  coding('with a CR in the middle', 'chunk\red'),
  coding('gzip', 'gzip'),
  coding('gzip before chunked', 'gzip, chunked', 501),
  coding('identity', 'identity'),
  coding('xchunked', 'xchunked'),
  coding('with a parameter', 'chunked;a=b'),
  refused(
    'two transfer-encodings',
    'HTTP Garden 11',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  ),
  refused(
    'two transfer-encodings, the second empty',
    'RFC 9112 6.1',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n${chunks}`,
  ),
  refused(
    'a second coding in another spelling',
    'HTTP Desync Attacks',
    `${post}Transfer-Encoding: chunked\r\ntransfer-Encoding: x\r\n\r\n${chunks}`,
    400,
  ),
  refused(
    'a coding behind a blank',
    'HTTP Desync Attacks',
    `${post} Transfer-Encoding: chunked\r\n\r\n${chunks}`,
  ),
  refused(
    'a coding with a blank before the colon',
    'RFC 9112 5.1',
    `${post}Transfer-Encoding : chunked\r\n\r\n${chunks}`,
  ),
  refused(
    'a coding behind a bare CR',
    'HTTP Desync Attacks',
    `${post}x: y\rTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  ),
  refused(
    'a coding behind a bare LF',
    'HTTP Desync Attacks',
    `${post}x: y\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  ),
  refused(
    'chunks in HTTP/1.0',
    'RFC 9112 6.1',
    `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  ),
  // Fields of their own: no alias of a framing field decides anything, and none reaches a server that would read it as one.
  passed(
    'transfer_encoding beside a length',
    'Http11Probe',
    `${post}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
    postLength,
  ),
  passed(
    'content_length beside a length',
    'Http11Probe',
    `${post}Content_Length: 99\r\nContent-Length: 5\r\n\r\nhello`,
    postLength,
  ),
];

const ends: readonly RequestRow[] = [
  last('connection: close', 'RFC 9112 9.6', `${get}Connection: close\r\n\r\n`, forwarded('GET /')),
  last(
    'connection: close among others',
    'RFC 9112 9.6',
    `${get}Connection: keep-alive, close\r\n\r\n`,
    forwarded('GET /'),
  ),
  last('HTTP/1.0', 'RFC 9112 9.3', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', forwarded('GET /')),
  passed(
    'HTTP/1.0 with keep-alive',
    'RFC 9112 9.3',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n',
    forwarded('GET /'),
  ),
  last(
    'HTTP/1.0 with a length',
    'RFC 9112 9.3',
    'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    postLength,
  ),
  passed(
    'connection that names content-length',
    'CVE-2022-1388',
    `${post}Connection: content-length\r\nContent-Length: 5\r\n\r\nhello`,
    postLength,
  ),
  passed('connection that names host', 'CVE-2022-1388', `${get}Connection: host\r\n\r\n`, forwarded('GET /')),
  passed(
    'connection that names a field',
    'RFC 9110 7.6.1',
    `${get}Connection: x-a\r\nx-a: 1\r\nx-b: 2\r\n\r\n`,
    forwarded('GET /', '', '', 'x-b: 2\r\n'),
  ),
  broken(
    'a body that ends before its length, then a request',
    'RFC 9112 8',
    `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n${smuggled}`,
    forwarded('POST /', chunked, '5\r\nhello\r\n'),
  ),
];

export const lengthRows: readonly RequestRow[] = [...desyncs, ...lengths, ...codings, ...ends];
