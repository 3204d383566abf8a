import { forwarded, get, length, passed, post, type RequestRow, refused, smuggled } from './rows.ts';

/** Several requests on one connection, and those that wait for a word of ours. */

const expecting = `${post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
const postHello = forwarded('POST /', length(5), 'hello');
const continued = 'HTTP/1.1 100 Continue\r\n\r\n';

const row = (
  more: Partial<RequestRow> & Pick<RequestRow, 'name' | 'by' | 'sent' | 'statuses'>,
): RequestRow => ({
  closes: false,
  upstream: '',
  breaks: false,
  ...more,
});

const expectations: readonly RequestRow[] = [
  row({
    name: 'expect, and a body that waits',
    by: 'RFC 9110 10.1.1',
    sent: [expecting, { after: continued, next: 'hello' }],
    statuses: [100, 200],
    upstream: postHello,
  }),
  row({
    name: 'expect in another spelling',
    by: 'RFC 9110 10.1.1',
    sent: [expecting.replace('100-continue', '100-Continue'), { after: continued, next: 'hello' }],
    statuses: [100, 200],
    upstream: postHello,
  }),
  // It is a list (RFC 9110 section 10.1.1), and both say the same.
  row({
    name: 'expect twice in a list',
    by: 'HTTP/1.1 must die',
    sent: [
      expecting.replace('100-continue', '100-continue, 100-continue'),
      { after: continued, next: 'hello' },
    ],
    statuses: [100, 200],
    upstream: postHello,
  }),
  row({
    name: 'expect, and a body that does not wait',
    by: 'HTTP/1.1 must die',
    sent: [`${expecting}hello`],
    statuses: [100, 200],
    upstream: postHello,
  }),
  row({
    name: 'expect, and a request as body',
    by: 'HTTP/1.1 must die',
    sent: [
      `${post}Expect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n`,
      { after: continued, next: smuggled },
    ],
    statuses: [100, 200],
    upstream: forwarded('POST /', length(smuggled.length), smuggled),
  }),
  row({
    name: 'expect in HTTP/1.0',
    by: 'RFC 9110 10.1.1',
    sent: [`${expecting.replace('HTTP/1.1', 'HTTP/1.0')}hello`],
    statuses: [200],
    upstream: postHello,
    closes: true,
  }),
  passed(
    'expect without a body',
    'RFC 9110 10.1.1',
    `${get}Expect: 100-continue\r\n\r\n`,
    forwarded('GET /'),
  ),
  passed(
    'expect with an empty body',
    'RFC 9110 10.1.1',
    `${post}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n`,
    forwarded('POST /', length(0)),
  ),
  // The client may send the body or not: nobody knows what comes next, so nothing is read any more.
  row({
    name: 'expect, and a final reply: the body may still come',
    by: 'HTTP/1.1 must die',
    sent: [
      `POST /denied HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n`,
    ],
    statuses: [403],
    closes: true,
  }),
  row({
    name: 'expect, and a final reply: the body is a request',
    by: 'HTTP/1.1 must die',
    sent: [
      `POST /denied HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    ],
    statuses: [403],
    closes: true,
  }),
  row({
    name: 'a final reply before the body: the body is no request',
    by: 'HTTP/1.1 must die',
    sent: [`POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
    statuses: [403],
  }),
  refused(
    'expect with a word before it',
    'HTTP/1.1 must die',
    `${post}Expect: y 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    417,
  ),
  refused(
    'expect that is folded',
    'HTTP/1.1 must die',
    `${post}Expect:\r\n 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
  ),
  refused(
    'expect twice, the first unknown',
    'HTTP/1.1 must die',
    `${post}Expect: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    417,
  ),
];

const pipelines: readonly RequestRow[] = [
  row({
    name: 'three requests in one packet',
    by: 'RFC 9112 9.3.2',
    sent: ['GET /1', 'POST /2', 'GET /3'].map(
      (line, i) =>
        `${line} HTTP/1.1\r\nHost: a\r\n${i === 1 ? 'Content-Length: 5\r\n' : ''}\r\n${i === 1 ? 'hello' : ''}`,
    ),
    statuses: [200, 200, 200],
    upstream: forwarded('GET /1') + forwarded('POST /2', length(5), 'hello') + forwarded('GET /3'),
  }),
  row({
    name: 'a request and bytes that are none',
    by: 'RFC 9112 2.2',
    sent: ['GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n'],
    statuses: [200, 400],
    upstream: forwarded('GET /1'),
    closes: true,
  }),
  row({
    name: 'a request and one with two lengths',
    by: 'RFC 9112 6.3',
    sent: [`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    statuses: [200, 400],
    upstream: forwarded('GET /1'),
    closes: true,
  }),
  row({
    name: 'an empty line behind a body, as old browsers send',
    by: 'RFC 9112 2.2',
    sent: [`${post}Content-Length: 5\r\n\r\nhello\r\n`],
    statuses: [200],
    upstream: postHello,
  }),
  row({
    name: 'an empty line of LF behind a body',
    by: 'RFC 9112 2.2',
    sent: [`${post}Content-Length: 5\r\n\r\nhello\n`],
    statuses: [200, 400],
    upstream: postHello,
    closes: true,
  }),
  row({
    name: 'a body longer than its length: its rest begins the next request',
    by: 'RFC 9112 6.3',
    sent: [`${post}Content-Length: 5\r\n\r\nhello/ HTTP/1.1\r\n\r\n`],
    statuses: [200, 400],
    upstream: postHello,
    closes: true,
  }),
];

export const exchangeRows: readonly RequestRow[] = [...expectations, ...pipelines];
