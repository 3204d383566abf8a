/** The rows of the smuggling table: what a client sends, and what must come of it. Text is latin1, byte for byte. */

/** A piece of what a client sends; `after` is what it must have got before it sends it. */
export type Piece = string | { readonly after: string; readonly next: string };

export interface RequestRow {
  readonly name: string;
  /** The section that decides, or where the row is from. */
  readonly by: string;
  readonly sent: readonly Piece[];
  /** The statuses that the client gets, in their order, interim ones included. */
  readonly statuses: readonly number[];
  /** The connection ends behind them, and what the client sends behind the row is not processed. */
  readonly closes: boolean;
  /** What the endpoint gets. */
  readonly upstream: string;
  /** The endpoint may get any beginning of `upstream` but not all: the request breaks in the middle. */
  readonly breaks: boolean;
}

/** The address from which all rows come. */
const client = '127.0.0.1';

/** A request as an endpoint gets it; `fields` and `framing` are whole lines. */
export function forwarded(line: string, framing = '', body = '', fields = ''): string {
  return forwardedTo('a', line, framing, body, fields);
}

/** The same with another authority than `a`. */
export function forwardedTo(host: string, line: string, framing = '', body = '', fields = ''): string {
  const learned = `x-forwarded-for: ${client}\r\nx-forwarded-proto: http\r\n`;
  const framed = framing === '' ? '' : `${framing}\r\n`;
  return `${line} HTTP/1.1\r\nhost: ${host}\r\n${fields}${learned}${framed}\r\n${body}`;
}

export const chunked = 'transfer-encoding: chunked';
export const length = (bytes: number): string => `content-length: ${bytes}`;

/** The request line and host of most rows. */
export const post = 'POST / HTTP/1.1\r\nHost: a\r\n';
export const get = 'GET / HTTP/1.1\r\nHost: a\r\n';

/** What an attacker wants to be taken for a request of its own. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/** Refused: nothing of it reaches an endpoint, and the connection closes. */
export function refused(name: string, by: string, sent: string, status = 400): RequestRow {
  return { name, by, sent: [sent], statuses: [status], closes: true, upstream: '', breaks: false };
}

/** Refused in the middle of its body: an endpoint may have got the beginning of it, and never all. */
export function broken(name: string, by: string, sent: string, upstream: string, status = 400): RequestRow {
  return { name, by, sent: [sent], statuses: [status], closes: true, upstream, breaks: true };
}

/** Passed on as `upstream`, and the connection is kept. */
export function passed(name: string, by: string, sent: string, upstream: string): RequestRow {
  return { name, by, sent: [sent], statuses: [200], closes: false, upstream, breaks: false };
}

/** Passed on, and the last of the connection. */
export function last(name: string, by: string, sent: string, upstream: string): RequestRow {
  return { ...passed(name, by, sent, upstream), closes: true };
}
