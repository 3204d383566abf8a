/** What an endpoint may answer, byte by byte, and what must come of it. */

export interface ReplyRow {
  readonly name: string;
  /** The section that decides, or where the row is from. */
  readonly by: string;
  readonly method: string;
  readonly reply: string;
  /** What the endpoint does behind it. */
  readonly end: 'keeps' | 'closes' | 'resets';
  /** What the client gets: a status with a whole body, or `null` where the reply breaks off. */
  readonly status: number | null;
  /** Of the reply of the endpoint; null where Outrigger answers itself. */
  readonly body: string | null;
  /** The statuses of the interim replies that the client gets. */
  readonly interim: readonly number[];
  /** Connections that were opened besides the first until the next request has its reply: 0 where that one carries it. */
  readonly connections: number;
}

type Options = Partial<Omit<ReplyRow, 'name' | 'by' | 'reply'>>;

/** Delivered as `body`, by default on a connection that is used again. */
function delivered(name: string, by: string, reply: string, body: string, options: Options = {}): ReplyRow {
  const defaults = { method: 'GET', end: 'keeps', status: 200, interim: [], connections: 0 } as const;
  return { name, by, reply, body, ...defaults, ...options };
}
/** Delivered, and the connection is not used again: nobody knows whose the next bytes on it are. */
const once = (name: string, by: string, reply: string, body: string, options: Options = {}): ReplyRow =>
  delivered(name, by, reply, body, { connections: 1, ...options });
/** Refused: the client gets an error of Outrigger's own. */
const refused = (name: string, by: string, reply: string, options: Options = {}): ReplyRow => ({
  ...once(name, by, reply, '', { status: 502, ...options }),
  body: null,
});
/** Broken off towards the client, which cannot take what it has for the whole. */
const brokenOff = (name: string, by: string, reply: string, options: Options = {}): ReplyRow => ({
  ...once(name, by, reply, '', options),
  status: null,
  body: null,
});

const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
const ok = `${head('Content-Length: 2')}ok`;
const chunks = `${head('Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`;
const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const badHead = (name: string, by: string, ...lines: string[]): ReplyRow =>
  refused(`a head ${name}`, by, `${head('Content-Length: 2', ...lines)}ok`);
const badChunk = (name: string, body: string): ReplyRow =>
  brokenOff(`a chunk ${name}`, 'RFC 9112 7.1', `${head('Transfer-Encoding: chunked')}${body}`);

const surplus: readonly ReplyRow[] = [
  delivered('a length', 'RFC 9112 6.2', ok, 'ok'),
  delivered('chunks', 'RFC 9112 7.1', chunks, 'abc'),
  once('a length and surplus bytes', 'issue', `${ok}junk`, 'ok'),
  once('chunks and surplus bytes', 'issue', `${chunks}junk`, 'abc'),
  once('a length and another reply', 'response queue poisoning', ok + evil, 'ok'),
  once('chunks and another reply', 'response queue poisoning', chunks + evil, 'abc'),
  once('a length and half of another reply', 'response queue poisoning', `${ok}HTTP/1.1 200 OK\r\nx: `, 'ok'),
  once('a length and an empty line', 'RFC 9112 6.3', `${ok}\r\n`, 'ok'),
  once('length 0 and a body', 'RFC 9112 6.3', `${head('Content-Length: 0')}junk`, ''),
  once('a length and an interim reply', 'RFC 9112 6.3', `${ok}HTTP/1.1 100 Continue\r\n\r\n`, 'ok'),
  once('to HEAD, with a body', 'RFC 9112 6.3', ok, '', { method: 'HEAD' }),
  once('204 with a body', 'RFC 9110 15.3.5', `HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok`, '', {
    status: 204,
  }),
  once('204 with chunks', 'RFC 9110 15.3.5', chunks.replace('200 OK', '204 No Content'), '', { status: 204 }),
  once('304 with a body', 'RFC 9110 15.4.5', ok.replace('200 OK', '304 Not Modified'), '', { status: 304 }),
  delivered('to HEAD, without a body', 'RFC 9112 6.3', head('Content-Length: 2'), '', { method: 'HEAD' }),
  delivered('204 with a length', 'issue', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', '', {
    status: 204,
  }),
  delivered(
    '304 with a length',
    'RFC 9110 15.4.5',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    '',
    { status: 304 },
  ),
];

const framings: readonly ReplyRow[] = [
  refused(
    'both a length and chunks',
    'RFC 9112 6.3',
    `${head('Content-Length: 3', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
  ),
  refused('gzip and chunked', 'issue', `${head('Transfer-Encoding: gzip, chunked')}3\r\nabc\r\n0\r\n\r\n`),
  refused('a coding that is unknown', 'RFC 9112 6.1', `${head('Transfer-Encoding: x')}abc`, {
    end: 'closes',
  }),
  refused('identity', 'RFC 9112 7', `${head('Transfer-Encoding: identity')}abc`, { end: 'closes' }),
  refused('a coding that is empty', 'RFC 9112 6.1', `${head('Transfer-Encoding:')}abc`, { end: 'closes' }),
  refused(
    'chunked twice',
    'RFC 9112 6.1',
    `${head('Transfer-Encoding: chunked, chunked')}3\r\nabc\r\n0\r\n\r\n`,
  ),
  refused('chunks in HTTP/1.0', 'RFC 9112 6.1', chunks.replace('HTTP/1.1', 'HTTP/1.0')),
  refused(
    'two lengths that differ',
    'RFC 9112 6.3',
    `${head('Content-Length: 2', 'Content-Length: 6')}okevil`,
  ),
  refused('a list of lengths that differ', 'RFC 9112 6.3', `${head('Content-Length: 2, 6')}okevil`),
  refused('a length with a plus', 'RFC 9110 8.6', `${head('Content-Length: +2')}ok`),
  refused('a length below zero', 'RFC 9110 8.6', `${head('Content-Length: -2')}ok`),
  refused('a length over 64 bits', 'RFC 9110 8.6', `${head('Content-Length: 18446744073709551618')}ok`),
  delivered('two equal lengths', 'RFC 9110 8.6', `${head('Content-Length: 2', 'Content-Length: 2')}ok`, 'ok'),
  delivered(
    'chunks with extensions',
    'RFC 9112 7.1.1',
    `${head('Transfer-Encoding: chunked')}3;a=b\r\nabc\r\n0\r\n\r\n`,
    'abc',
  ),
  badChunk('that ends with LF', '3\r\nabc\n0\r\n\r\n'),
  badChunk('size that ends with LF', '3\nabc\r\n0\r\n\r\n'),
  badChunk('with 0x', '0x3\r\nabc\r\n0\r\n\r\n'),
  badChunk('longer than it says', '3\r\nabcd\r\n0\r\n\r\n'),
  badChunk('size that is none', '3\r\nabc\r\nzz\r\n'),
  badChunk('of 0 with LF LF', '3\r\nabc\r\n0\n\n'),
];

const ends: readonly ReplyRow[] = [
  once('the end of the connection', 'RFC 9112 6.3', `${head()}until the end`, 'until the end', {
    end: 'closes',
  }),
  once('HTTP/1.0, the end of the connection', 'RFC 9112 6.3', 'HTTP/1.0 200 OK\r\n\r\nend', 'end', {
    end: 'closes',
  }),
  once('connection: close', 'RFC 9112 9.6', `${head('Connection: close', 'Content-Length: 2')}ok`, 'ok'),
  once('HTTP/1.0 with a length', 'RFC 9112 9.3', ok.replace('HTTP/1.1', 'HTTP/1.0'), 'ok'),
  delivered(
    'HTTP/1.0 with keep-alive',
    'RFC 9112 9.3',
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok`,
    'ok',
  ),
  brokenOff('without a length, reset', 'issue', `${head()}until the`, { end: 'resets' }),
  brokenOff('less than its length', 'RFC 9112 8', `${head('Content-Length: 9')}half`, { end: 'closes' }),
  brokenOff('less than its length, reset', 'RFC 9112 8', `${head('Content-Length: 9')}half`, {
    end: 'resets',
  }),
  brokenOff('chunks that end in the middle', 'RFC 9112 8', `${head('Transfer-Encoding: chunked')}5\r\nhal`, {
    end: 'closes',
  }),
  brokenOff('chunks without the last', 'RFC 9112 8', `${head('Transfer-Encoding: chunked')}3\r\nabc\r\n`, {
    end: 'closes',
  }),
  brokenOff(
    'trailers that end in the middle',
    'RFC 9112 8',
    `${head('Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\nx: `,
    { end: 'closes' },
  ),
  refused('a head that ends in the middle', 'RFC 9112 8', 'HTTP/1.1 200 OK\r\nx: ', { end: 'closes' }),
  // A kept connection may have been closed as it was used again: what is idempotent is sent once more (RFC 9110 section 9.2.2).
  refused('nothing', 'RFC 9110 15.6.3', '', { end: 'closes', connections: 2 }),
];

const heads: readonly ReplyRow[] = [
  delivered('no reason phrase', 'RFC 9112 4', ok.replace('200 OK', '200 '), 'ok'),
  delivered('another reason phrase', 'RFC 9112 4', ok.replace('200 OK', '200 Fine by me'), 'ok'),
  delivered('a status that is unknown', 'RFC 9110 15', ok.replace('200 OK', '299 New'), 'ok', {
    status: 299,
  }),
  refused('status 099', 'RFC 9112 4', ok.replace('200', '099')),
  refused('status 20', 'RFC 9112 4', ok.replace('200', '20')),
  refused('status 2000', 'RFC 9112 4', ok.replace('200', '2000')),
  refused('status abc', 'RFC 9112 4', ok.replace('200', 'abc')),
  refused('HTTP/2.0', 'RFC 9112 2.3', ok.replace('HTTP/1.1', 'HTTP/2.0')),
  refused('another protocol', 'bad input', 'SSH-2.0-OpenSSH_9.6\r\n'),
  refused('no head at all', 'RFC 9112 2.1', 'ok\r\n\r\n', { end: 'closes' }),
  refused('HTTP/2', 'bad input', '\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64'),
  badHead('that is folded', 'RFC 9112 5.2', 'x: a', ' b'),
  badHead('with a blank before a colon', 'RFC 9112 5.1', 'x : a'),
  badHead('with a line without a colon', 'RFC 9112 5', 'no colon'),
  badHead('with a bare LF', 'RFC 9112 2.2', 'x: a\ny: b'),
  badHead('with a bare CR', 'RFC 9112 2.2', 'x: a\ry: b'),
  badHead('with a NUL', 'RFC 9110 5.5', 'x: a\0'),
  badHead('with bytes above 127 in a name', 'RFC 9110 5.6.2', '\xe9: a'),
  badHead('without end', 'RFC 9112 5.4', ...Array.from({ length: 10_000 }, () => 'x-a: b')),
  delivered(
    'a field that connection names',
    'RFC 9110 7.6.1',
    `${head('Connection: x-a', 'x-a: 1', 'Content-Length: 2')}ok`,
    'ok',
  ),
  delivered(
    'connection that names the length',
    'CVE-2022-1388',
    `${head('Connection: content-length', 'Content-Length: 2')}ok`,
    'ok',
  ),
];

const interims: readonly ReplyRow[] = [
  delivered('103 before it', 'RFC 9110 15.2', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`, 'ok', {
    interim: [103],
  }),
  delivered(
    '100, 102 and 103 before it',
    'RFC 9110 15.2',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok}`,
    'ok',
    { interim: [100, 102, 103] },
  ),
  delivered(
    '103 with a length',
    'RFC 9110 8.6',
    `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n${ok}`,
    'ok',
    { interim: [103] },
  ),
  refused('interim replies without end', 'issue', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200), {
    interim: Array<number>(32).fill(102),
  }),
  refused('interim replies alone', 'RFC 9110 15.2', 'HTTP/1.1 100 Continue\r\n\r\n', {
    end: 'closes',
    interim: [100],
  }),
  refused(
    '101 that nobody asked for',
    'RFC 9110 15.2.2',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ),
  refused(
    '101 with a body',
    'RFC 9110 15.2.2',
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok`,
  ),
];

export const replyTables: ReadonlyArray<readonly [title: string, rows: readonly ReplyRow[]]> = [
  ['bytes behind a reply', surplus],
  ['where the body of a reply ends', framings],
  ['the end of a connection', ends],
  ['status lines and fields of replies', heads],
  ['interim replies', interims],
];
