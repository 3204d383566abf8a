import { broken, chunked, forwarded, passed, post, type RequestRow, smuggled } from './rows.ts';

/** The framing of chunks, by RFC 9112 section 7.1 and what "Funky chunks" (2025) and others found in it. */

const chunkedPost = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const whole = (body: string): string => forwarded('POST /', chunked, body);
const hello = '5\r\nhello\r\n';

/** What of it may have been passed on when the fault is seen: the head, and the chunks before it. */
const bad = (name: string, by: string, body: string, before = '', status = 400): RequestRow =>
  broken(`a chunk ${name}`, by, `${chunkedPost}${body}`, whole(before), status);
const good = (name: string, by: string, body: string, upstream = `${hello}0\r\n\r\n`): RequestRow =>
  passed(`a chunk ${name}`, by, `${chunkedPost}${body}`, whole(upstream));

const tail = '\r\n0\r\n\r\n';

const sizes: readonly RequestRow[] = [
  good('of five bytes', 'RFC 9112 7.1', `${hello}0\r\n\r\n`),
  good(
    'in upper-case hexadecimal',
    'RFC 9112 7.1',
    'A\r\n0123456789\r\n0\r\n\r\n',
    'a\r\n0123456789\r\n0\r\n\r\n',
  ),
  good('with leading zeros', 'RFC 9112 7.1', `0005\r\nhello${tail}`),
  good('of nothing, several zeros', 'RFC 9112 7.1', '000\r\n\r\n', '0\r\n\r\n'),
  bad('with a plus', 'Http11Probe', `+5\r\nhello${tail}`),
  bad('of plus zero, with a byte behind', 'Http11Probe', '+0\r\n\r\nX'),
  bad('below zero', 'Http11Probe', `-5\r\nhello${tail}`),
  bad('with 0x', 'HTTP Garden 25', `0x5\r\nhello${tail}`),
  bad('with 0x and a length that some readers take for 0', 'HTTP Garden 1', `0_2e\r\n\r\n${smuggled}`),
  bad('with an underscore', 'HTTP Garden 1', `1_0\r\nhello world!!!!!${tail}`),
  bad('with a letter behind', 'HTTP Garden 22', `5g\r\nhello${tail}`),
  bad('without a size', 'HTTP Garden 17', '\r\n\r\n'),
  bad('of a semicolon alone', 'RFC 9112 7.1.1', `;\r\nhello${tail}`),
  bad('over 64 bits', 'Http11Probe', `FFFFFFFFFFFFFFFF0\r\nhello${tail}`),
  bad('over 64 bits that wraps to 5', 'llhttp', `10000000000000005\r\nhello${tail}`),
  bad('over 53 bits', 'RFC 9112 7.1', `20000000000005\r\nhello${tail}`),
  bad('with a blank before it', 'HTTP Garden t24', ` 5\r\nhello${tail}`),
  bad('with a blank behind', 'RFC 9112 7.1', `5 \r\nhello${tail}`),
  bad('with a tab behind', 'RFC 9112 7.1', `5\t\r\nhello${tail}`),
  bad('of another size than it says, longer', 'Http11Probe', '5\r\nhello!!\r\n0\r\n\r\n', hello),
  bad('of another size than it says, shorter', 'RFC 9112 7.1', '6\r\nhello\r\n0\r\n\r\n', '6\r\nhello\r\r\n'),
  bad('in full words', 'HTTP Garden 47', `INVALID!!!\r\n${smuggled}`),
];

const lineEnds: readonly RequestRow[] = [
  bad('size that ends with LF', 'Funky chunks', `5\nhello${tail}`),
  bad('size that ends with CR', 'Funky chunks', `5\rhello${tail}`),
  bad('size that ends with CR and another byte', 'HTTP Garden 31', `5\rXhello${tail}`),
  bad('size that ends with CR CR LF', 'HTTP Garden 31', `5\r\r\nhello${tail}`),
  bad('that ends with LF', 'Funky chunks', '5\r\nhello\n0\r\n\r\n', hello),
  bad('that ends with CR', 'Funky chunks', '5\r\nhello\r0\r\n\r\n', hello),
  bad('that ends with nothing', 'Http11Probe', '5\r\nhello0\r\n\r\n', hello),
  bad('that ends with LF CR', 'Funky chunks', '5\r\nhello\n\r0\r\n\r\n', hello),
  bad('that ends with two other bytes', 'Funky chunks, SPILL.TERM', '5\r\nhelloXX0\r\n\r\n', hello),
  bad('with an empty line before the last', 'HTTP Garden t17', '5\r\nhello\r\n\r\n0\r\n\r\n', hello),
  bad('of 0 that ends with LF', 'Funky chunks', `${hello}0\n\r\n`, hello),
  bad('of 0 behind which an LF ends the trailers', 'Http11Probe', `${hello}0\r\n\n`, hello),
  bad('of 0 behind which a CR and a byte end the trailers', 'HTTP Garden 39', `${hello}0\r\n\rX`, hello),
  bad(
    'of 0 behind which two other bytes stand',
    'HTTP Garden 39',
    `${hello}0\r\nX:${smuggled.replace('\r\n', '\n')}`,
    hello,
  ),
];

const extensions: readonly RequestRow[] = [
  good('extension', 'RFC 9112 7.1.1', `5;a=b\r\nhello${tail}`),
  good('extension without a value', 'RFC 9112 7.1.1', `5;a\r\nhello${tail}`),
  good('extension in quotes', 'RFC 9112 7.1.1', `5;a="b \\" ;c"\r\nhello${tail}`),
  good('with several extensions', 'RFC 9112 7.1.1', `5;a;b=c;d="e"\r\nhello${tail}`),
  good('of 0 with an extension', 'RFC 9112 7.1.1', `${hello}0;a=b\r\n\r\n`),
  bad('extension that ends with LF (TERM.EXT)', 'Funky chunks', `5;a\nhello${tail}`),
  bad('extension with an LF, then a size (EXT.TERM)', 'Funky chunks', `2;\nxx\r\n27\r\n0\r\n\r\n${smuggled}`),
  bad('extension with an LF behind a name', 'Funky chunks', `2;a\nxx\r\n27\r\n0\r\n\r\n${smuggled}`),
  bad('extension with a CR', 'Http11Probe', `5;a\rX\r\nhello${tail}`),
  bad('extension with CR CR', 'HTTP Garden 36', `5;a=b\r\rX\r\nhello${tail}`),
  bad('extension with an LF in quotes', 'Funky chunks', `5;a="\n"\r\nhello${tail}`),
  bad('extension with CR LF in quotes', 'Funky chunks', `5;a="\r\n"\r\nhello${tail}`),
  bad('extension with open quotes', 'RFC 9112 7.1.1', `5;a="b\r\nhello${tail}`),
  bad('extension of a bare semicolon', 'Http11Probe', `5;\r\nhello${tail}`),
  bad('extension with a byte that no token has', 'Http11Probe', `5;bad[=x\r\nhello${tail}`),
  bad('extension with a NUL', 'Http11Probe', `5;\0a\r\nhello${tail}`),
  bad('extension with blanks around it', 'Funky chunks', `5 ; a\r\nhello${tail}`),
  bad('extension with CR in the blank before it', 'HTTP Garden 31', `5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n`),
  bad('extension of 64 KiB', 'CVE-2023-39326', `5;a=${'x'.repeat(65_536)}\r\nhello${tail}`, '', 413),
  bad(
    'with extensions on a thousand chunks',
    'CVE-2023-39326',
    `1;${'a'.repeat(64)}\r\nx\r\n`.repeat(1000),
    `1\r\nx\r\n`.repeat(1000),
    413,
  ),
];

const trailers: readonly RequestRow[] = [
  good('with a trailer', 'RFC 9112 7.1.2', `${hello}0\r\nx-sum: 1\r\n\r\n`, `${hello}0\r\nx-sum: 1\r\n\r\n`),
  ...(
    [
      ['content-length', 'Content-Length: 50'],
      ['transfer-encoding', 'Transfer-Encoding: chunked'],
      ['host', 'Host: evil'],
      ['authorization', 'Authorization: Bearer x'],
      ['content-type', 'Content-Type: text/evil'],
      ['cookie', 'Cookie: a=b'],
      ['x-forwarded-for', 'X-Forwarded-For: 10.0.0.1'],
      ['connection', 'Connection: close'],
      ['te', 'TE: trailers'],
      ['trailer', 'Trailer: x'],
    ] as const
  ).map(([name, field]) =>
    good(`with ${name} in its trailers`, 'RFC 9110 6.5.1', `${hello}0\r\n${field}\r\n\r\n`),
  ),
  bad('with a folded trailer', 'RFC 9112 5.2', `${hello}0\r\nx: a\r\n b\r\n\r\n`, hello),
  bad('with a trailer that ends with LF', 'Funky chunks', `${hello}0\r\nx: a\n\r\n`, hello),
  bad('with a trailer without a colon', 'RFC 9112 5', `${hello}0\r\nx\r\n\r\n`, hello),
  bad('with a blank before the colon of a trailer', 'RFC 9112 5.1', `${hello}0\r\nx : a\r\n\r\n`, hello),
  bad('with a NUL in a trailer', 'RFC 9110 5.5', `${hello}0\r\nx: a\0\r\n\r\n`, hello),
  bad(
    'with trailers without end',
    'RFC 9112 7.1.2',
    `${hello}0\r\n${'x-a: b\r\n'.repeat(20_000)}\r\n`,
    hello,
    431,
  ),
];

export const chunkRows: readonly RequestRow[] = [...sizes, ...lineEnds, ...extensions, ...trailers];
