import { type EventRecorder, parse } from './http1-events.ts';
import { type LlhttpMessage, readByLlhttp } from './llhttp.ts';

/** Rules by which our parser refuses what llhttp, Node's parser, accepts: the words of the error, and why. */
const stricter: ReadonlyArray<readonly [words: RegExp, why: string]> = [
  [
    /^no host$|^more than one host$|^a malformed host$/,
    'RFC 9112 section 3.2; llhttp leaves host to its user',
  ],
  [
    /^transfer-encoding in HTTP\/1\.0$/,
    'RFC 9112 section 6.1; the framing of an old sender is not to be trusted',
  ],
  [
    /^a transfer coding other than chunked$|^a malformed transfer-encoding$|^a transfer-encoding that does not end with chunked$/,
    'a coding ends at this hop',
  ],
  [/^both transfer-encoding and content-length$/, 'RFC 9112 section 6.1; llhttp lets replies have both'],
  [/^a malformed request target$|^a control character in the request target$/, 'RFC 9112 section 3.2'],
  [/^a malformed HTTP version$/, 'RFC 9112 section 3: one space between the parts of a request line'],
  [/^a request line without a version$/, 'HTTP/0.9 is not spoken'],
  [/^an HTTP version other than 1\.0 and 1\.1$/, 'RFC 9110 section 15.6.6'],
  [/^a CONNECT request$/, 'a tunnel to anywhere is no business of ours'],
  [/^a chunk size with too many digits$/, 'sizes are exact, and bounded with their leading zeros'],
  [/^a malformed chunk extension$/, 'RFC 9112 section 7.1.1'],
  [/^a content-length that is no number$/, '15 digits at the most; RFC 9110 section 8.6 for lists and signs'],
  [/^two content-length headers that differ$/, 'RFC 9112 section 6.3'],
  [/^an expectation other than 100-continue$/, 'RFC 9110 section 10.1.1'],
  [/^bytes that are no HTTP request$/, 'RFC 9112 section 2.2: one empty line before a request'],
  [/^a carriage return without a line feed$/, 'RFC 9112 section 2.2'],
  // llhttp takes `GET /` and a line feed for a request of HTTP/0.9, and refuses one everywhere else.
  [/^a line feed without a carriage return before it$/, 'RFC 9112 section 2.2'],
  [/^a control character in the reason phrase$/, 'RFC 9112 section 4'],
  [/^bytes that are no HTTP reply$/, 'and none before a reply'],
  [/^bytes that belong to no reply$/, 'a reply that nothing asked for'],
  [/^101 \(Switching Protocols\) without/, 'RFC 9110 section 7.8'],
  [/^a malformed status$/, 'RFC 9112 section 4: three digits, the first not 0'],
  [/over the limit|^more than \d+ /, 'a limit of ours'],
];

/** Errors of llhttp about what our parser accepts, and why it does. */
const laxer: Readonly<Record<string, string>> = {
  HPE_INVALID_METHOD: 'RFC 9110 section 9.1: any token is a method',
  HPE_CLOSED_CONNECTION: 'the server decides what is read after `connection: close`',
  HPE_INVALID_CONTENT_LENGTH:
    'a trailer section may hold a content-length, which is dropped (RFC 9110 section 6.5.1)',
  HPE_UNEXPECTED_CONTENT_LENGTH:
    'equal content-lengths are one (RFC 9110 section 8.6), in trailers they are dropped',
  HPE_INVALID_TRANSFER_ENCODING: 'dropped in trailers, and where a status has no body by rule',
  HPE_INVALID_URL: 'bytes above 0x7f in a path pass as they are',
};

/** What differs between the two readings and is not listed above, or null. */
export function differenceFromLlhttp(role: 'request' | 'reply', text: string): string | null {
  const methods = ['GET', 'HEAD', 'GET', 'POST'];
  const ours = parse(role, text, { methods, websocket: true });
  const theirs = readByLlhttp(role, text, methods);
  const ourMessages = messagesOf(ours);
  const ourWhole = ourMessages.filter(({ whole }) => whole).length;
  const theirWhole = theirs.messages.filter(({ whole }) => whole).length;
  for (let i = 0; i < Math.min(ourWhole, theirWhole); i++) {
    const problem = messageDifference(ourMessages[i], theirs.messages[i]);
    if (problem !== null) return `message ${i + 1}: ${problem}`;
  }
  if (theirs.upgrade || ours.heads.at(-1)?.websocket === true) return null;
  const { error } = ours;
  if (error !== undefined && (theirs.error === null || theirWhole > ourWhole))
    return stricter.some(([words]) => words.test(error.words)) ? null : `refused by us alone: ${error.words}`;
  if (theirs.error !== null && (error === undefined || ourWhole > theirWhole))
    // We judge a line when it is whole.
    return theirs.error in laxer ||
      parse(role, `${text}\r\n`, { methods, websocket: true }).error !== undefined
      ? null
      : `refused by llhttp alone: ${theirs.error}`;
  return ourWhole === theirWhole ? null : `${ourWhole} messages, and ${theirWhole} by llhttp`;
}

interface OurMessage {
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  whole: boolean;
}

function messagesOf({ events }: EventRecorder): OurMessage[] {
  const messages: OurMessage[] = [];
  for (const event of events) {
    if ('head' in event) {
      const interim = /^:status: 1/.test(event.head[0]);
      messages.push({ fields: event.head, body: '', trailers: [], whole: interim });
      continue;
    }
    const last = messages.at(-1);
    if (last === undefined) continue;
    if ('data' in event) last.body += event.data;
    else if ('end' in event) {
      last.whole = true;
      last.trailers = event.end ?? [];
    }
  }
  return messages;
}

function messageDifference(ours: OurMessage, theirs: LlhttpMessage): string | null {
  if (ours.body !== theirs.body) return `the bodies ${JSON.stringify([ours.body, theirs.body])}`;
  const start = ours.fields.filter((line) => line.startsWith(':path: ') || line.startsWith(':status: '))[0];
  const target = start.slice(start.indexOf(' ') + 1);
  const theirTarget = theirs.status === undefined ? (theirs.url ?? '') : String(theirs.status);
  // An absolute form has become authority and path.
  if (target !== theirTarget && !/^https?:\/\//i.test(theirTarget))
    return `the targets ${target}, ${theirTarget}`;
  for (const [own, all] of [
    [ours.fields, theirs.fields],
    [ours.trailers, theirs.trailers],
  ]) {
    const left = [...all];
    for (const line of own) {
      if (line.startsWith(':') || line.startsWith('content-length')) continue;
      const at = left.indexOf(line);
      if (at < 0) return `the header ${JSON.stringify(line)} is not among ${JSON.stringify(all)}`;
      left.splice(at, 1);
    }
  }
  return null;
}
