import { chunked, forwarded, length, smuggled } from './rows.ts';

/** HTTP/2 requests to an HTTP/1.1 endpoint ("HTTP/2: The Sequel is Always Worse" and the advisories after it). */

type Pair = readonly [name: string, value: string];

export interface DowngradeRow {
  readonly name: string;
  /** The section that decides, or where the row is from. */
  readonly by: string;
  readonly head: readonly Pair[];
  /** DATA behind the head, null where the head ends the request. */
  readonly body: string | null;
  readonly trailers: readonly Pair[] | null;
  /** The status of the reply, or the code of RST_STREAM. */
  readonly status: number | null;
  readonly reset: number | null;
  /** What the endpoint gets; of a request that is reset any beginning of it, but not all. */
  readonly upstream: string;
}

type Options = { readonly body?: string; readonly trailers?: readonly Pair[]; readonly upstream?: string };

const protocolError = 1;

function pseudo(method: string, changes: Record<string, string | null> = {}): Pair[] {
  const fields: Record<string, string | null> = {
    ':method': method,
    ':scheme': 'http',
    ':authority': 'a',
    ':path': '/',
    ...changes,
  };
  return Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

/** Reset with PROTOCOL_ERROR, and never whole at the endpoint. */
function refused(name: string, by: string, head: readonly Pair[], options: Options = {}): DowngradeRow {
  const { body = null, trailers = null, upstream = '' } = options;
  return { name, by, head, body, trailers, status: null, reset: protocolError, upstream };
}

function passed(
  name: string,
  by: string,
  head: readonly Pair[],
  upstream: string,
  options: Options = {},
  status = 200,
): DowngradeRow {
  const { body = null, trailers = null } = options;
  return { name, by, head, body, trailers, status, reset: null, upstream };
}

const post = pseudo('POST');
const get = pseudo('GET');
const field = (name: string, by: string, ...fields: Pair[]): DowngradeRow =>
  refused(name, by, [...get, ...fields]);
const changed = (name: string, by: string, changes: Record<string, string | null>): DowngradeRow =>
  refused(name, by, pseudo('GET', changes));

const framing: readonly DowngradeRow[] = [
  refused('H2.TE', 'RFC 9113 8.2.2', [...post, ['transfer-encoding', 'chunked']], {
    body: `0\r\n\r\n${smuggled}`,
  }),
  refused('H2.TE in another spelling', 'RFC 9113 8.2', [...post, ['Transfer-Encoding', 'chunked']], {
    body: `0\r\n\r\n${smuggled}`,
  }),
  refused('H2.CL, 0 and a body', 'RFC 9113 8.1.1', [...post, ['content-length', '0']], {
    body: smuggled,
    upstream: forwarded('POST /', length(0)),
  }),
  refused('H2.CL, less than the body', 'RFC 9113 8.1.1', [...post, ['content-length', '4']], {
    body: 'hello',
    upstream: forwarded('POST /', length(4), 'hell'),
  }),
  refused('H2.CL, more than the body', 'RFC 9113 8.1.1', [...post, ['content-length', '43']], {
    body: 'hello',
    upstream: forwarded('POST /', length(43), 'hello'),
  }),
  refused('a length and no body', 'CVE-2026-33555', [...post, ['content-length', '43']]),
  refused('a length and no body of a GET', 'CVE-2026-33555', [...get, ['content-length', '43']]),
  refused('two equal lengths', 'issue', [...post, ['content-length', '5'], ['content-length', '5']], {
    body: 'hello',
  }),
  refused(
    'two lengths that differ',
    'RFC 9110 8.6',
    [...post, ['content-length', '5'], ['content-length', '0']],
    { body: 'hello' },
  ),
  refused('a list of lengths', 'RFC 9110 8.6', [...post, ['content-length', '5, 5']], { body: 'hello' }),
  refused('a length with a plus', 'RFC 9110 8.6', [...post, ['content-length', '+5']], { body: 'hello' }),
  refused('an empty length', 'RFC 9110 8.6', [...post, ['content-length', '']], { body: 'hello' }),
  passed(
    'a body without a length',
    'RFC 9112 6.3',
    post,
    forwarded('POST /', chunked, `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`),
    { body: smuggled },
  ),
  passed(
    'a body with its length',
    'RFC 9112 6.3',
    [...post, ['content-length', '5']],
    forwarded('POST /', length(5), 'hello'),
    { body: 'hello' },
  ),
  passed('a GET with a body', 'RFC 9110 9.3.1', get, forwarded('GET /', chunked, '5\r\nhello\r\n0\r\n\r\n'), {
    body: 'hello',
  }),
  passed('a GET that ends with an empty DATA', 'issue', get, forwarded('GET /'), { body: '' }),
  passed('a POST that ends with an empty DATA', 'issue', post, forwarded('POST /', chunked, '0\r\n\r\n'), {
    body: '',
  }),
  passed('a POST without a body', 'RFC 9110 8.6', post, forwarded('POST /', length(0))),
  passed(
    'trailers',
    'RFC 9112 7.1.2',
    post,
    forwarded('POST /', chunked, '5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n'),
    { body: 'hello', trailers: [['x-sum', '1']] },
  ),
  refused('a coding in the trailers', 'RFC 9113 8.2.2', post, {
    body: 'hello',
    trailers: [['transfer-encoding', 'chunked']],
    upstream: forwarded('POST /', chunked, '5\r\nhello\r\n'),
  }),
  refused('a length in the trailers', 'RFC 9110 6.5.1', post, {
    body: 'hello',
    trailers: [['content-length', '5']],
    upstream: forwarded('POST /', chunked, '5\r\nhello\r\n'),
  }),
  refused('CR LF in the trailers', 'RFC 9113 8.2.1', post, {
    body: 'hello',
    trailers: [['x', `a\r\n\r\n${smuggled}`]],
    upstream: forwarded('POST /', chunked, '5\r\nhello\r\n'),
  }),
];

const values: readonly DowngradeRow[] = [
  field('CR LF in a value', 'RFC 9113 8.2.1', ['x', `a\r\n\r\n${smuggled}`]),
  field('LF in a value', 'RFC 9113 8.2.1', ['x', 'a\nb: c']),
  field('CR in a value', 'RFC 9113 8.2.1', ['x', 'a\rb']),
  field('NUL in a value', 'RFC 9113 8.2.1', ['x', 'a\0b']),
  field('a blank before a value', 'RFC 9113 8.2.1', ['x', ' a']),
  field('a tab behind a value', 'HTTP Garden', ['x', 'a\t']),
  field('CR LF in a name', 'RFC 9113 8.2.1', ['x: y\r\nz', 'a']),
  field('a colon in a name', 'RFC 9113 8.2.1', ['x:y', 'a']),
  field('a blank in a name', 'RFC 9113 8.2.1', ['x y', 'a']),
  field('upper case in a name', 'RFC 9113 8.2.1', ['X-A', 'a']),
  field('bytes above 127 in a name', 'RFC 9113 8.2.1', ['x\xff', 'a']),
  field('an empty name', 'HTTP Garden', ['', 'a']),
  field('connection', 'RFC 9113 8.2.2', ['connection', 'close']),
  field('keep-alive', 'RFC 9113 8.2.2', ['keep-alive', 'timeout=5']),
  field('proxy-connection', 'RFC 9113 8.2.2', ['proxy-connection', 'close']),
  field('upgrade', 'RFC 9113 8.2.2', ['upgrade', 'websocket']),
  field('te: gzip', 'RFC 9113 8.2.2', ['te', 'gzip']),
  passed('te: trailers', 'RFC 9113 8.2.2', [...get, ['te', 'trailers']], forwarded('GET /')),
  passed(
    'cookie crumbs',
    'RFC 9113 8.2.3',
    [...get, ['cookie', 'a=1'], ['cookie', 'b=2']],
    forwarded('GET /', '', '', 'cookie: a=1; b=2\r\n'),
  ),
  passed('transfer_encoding', 'Http11Probe', [...get, ['transfer_encoding', 'chunked']], forwarded('GET /')),
  passed('content_length', 'Http11Probe', [...get, ['content_length', '5']], forwarded('GET /')),
  passed('expect', 'RFC 9110 10.1.1', [...get, ['expect', '100-continue']], forwarded('GET /')),
];

const targets: readonly DowngradeRow[] = [
  changed('CR LF in :path', 'RFC 9113 8.3', { ':path': `/ HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}` }),
  changed('a blank in :path', 'CVE-2026-58150', { ':path': '/smuggled HTTP/1.1' }),
  changed('a fragment in :path', 'RFC 9113 8.3.1', { ':path': '/a#b' }),
  changed(':path without a slash', 'RFC 9113 8.3.1', { ':path': 'a' }),
  changed('an empty :path', 'RFC 9113 8.3.1', { ':path': '' }),
  changed('an absolute :path', 'RFC 9113 8.3.1', { ':path': 'http://b/' }),
  changed('* and GET', 'RFC 9113 8.3.1', { ':path': '*' }),
  changed('CR LF in :method', 'RFC 9113 8.3', { ':method': 'GET / HTTP/1.1\r\nx: ' }),
  changed('a blank in :method', 'RFC 9113 8.3', { ':method': 'GET /smuggled HTTP/1.1' }),
  changed('an empty :method', 'RFC 9113 8.3', { ':method': '' }),
  changed('CR LF in :authority', 'RFC 9113 8.3', { ':authority': 'a\r\nx: y' }),
  changed('a blank in :authority', 'RFC 9113 8.3.1', { ':authority': 'a b' }),
  changed('userinfo in :authority', 'RFC 9113 8.3.1', { ':authority': 'a@b' }),
  changed('a path in :authority', 'RFC 9113 8.3.1', { ':authority': 'a/b' }),
  changed('an empty :authority', 'RFC 9113 8.3.1', { ':authority': '' }),
  changed('no :authority and no host', 'RFC 9113 8.3.1', { ':authority': null }),
  changed('a request in :scheme', 'The Sequel is Always Worse', { ':scheme': 'http://b/ HTTP/1.1\r\nx: ' }),
  changed('an empty :scheme', 'RFC 9113 8.3.1', { ':scheme': '' }),
  changed(':status', 'RFC 9113 8.3', { ':status': '200' }),
  changed('a pseudo-header that is unknown', 'RFC 9113 8.3', { ':x': 'y' }),
  refused('a pseudo-header behind a field', 'RFC 9113 8.3', [
    ...pseudo('GET', { ':path': null }),
    ['x', 'y'],
    [':path', '/'],
  ]),
  refused('two :path', 'RFC 9113 8.3', [...get, [':path', '/smuggled']]),
  refused('two :method', 'RFC 9113 8.3', [[':method', 'GET'], ...get]),
  refused('host other than :authority', 'RFC 9113 8.3.1', [...get, ['host', 'b']]),
  refused('two hosts', 'RFC 9110 7.2', [
    ...pseudo('GET', { ':authority': null }),
    ['host', 'a'],
    ['host', 'a'],
  ]),
  refused('a host with CR LF', 'RFC 9113 8.2.1', [
    ...pseudo('GET', { ':authority': null }),
    ['host', 'a\r\nx: y'],
  ]),
  passed(
    'host alone',
    'RFC 9113 8.3.1',
    [...pseudo('GET', { ':authority': null }), ['host', 'a']],
    forwarded('GET /'),
  ),
  passed('host like :authority', 'RFC 9113 8.3.1', [...get, ['host', 'a']], forwarded('GET /')),
  passed('a lower-case method', 'issue', pseudo('get'), forwarded('get /', length(0))),
  passed('OPTIONS *', 'RFC 9113 8.3.1', pseudo('OPTIONS', { ':path': '*' }), forwarded('OPTIONS *')),
  // The listener knows by itself what its clients speak.
  passed(':scheme https over cleartext', 'issue', pseudo('GET', { ':scheme': 'https' }), forwarded('GET /')),
];

export const downgradeTables: ReadonlyArray<readonly [title: string, rows: readonly DowngradeRow[]]> = [
  ['where a body ends', framing],
  ['names and values', values],
  ['methods, targets and hosts', targets],
];
