import { HTTPParser } from 'node:_http_common';

export interface LlhttpMessage {
  /** `name: value`, names in lower case, all of the head. */
  readonly fields: string[];
  readonly url: string | undefined;
  readonly status: number | undefined;
  body: string;
  trailers: string[];
  whole: boolean;
}
export interface LlhttpReading {
  readonly messages: LlhttpMessage[];
  /** Code of the error that ended it, or null. */
  readonly error: string | null;
  /** It takes the connection for one of another protocol from here on. */
  readonly upgrade: boolean;
}

function pairs(list: string[] | undefined): string[] {
  const result: string[] = [];
  for (let i = 0; i < (list?.length ?? 0); i += 2) result.push(`${list![i].toLowerCase()}: ${list![i + 1]}`);
  return result;
}

/** What Node's parser reads in a text, one byte a character. `methods`: of the requests that replies answer. */
export function readByLlhttp(
  role: 'request' | 'reply',
  text: string,
  methods: readonly string[],
): LlhttpReading {
  const messages: LlhttpMessage[] = [];
  const parser = new HTTPParser();
  let upgrade = false;
  let early: string[] = [];
  let url = '';
  let replies = 0;
  parser.initialize(role === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  // Called for heads with many fields before they are complete, and for trailers behind the body.
  parser[HTTPParser.kOnHeaders] = (list: string[], of: string) => {
    early.push(...pairs(list));
    url += of ?? '';
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    list: string[] | undefined,
    _method: number,
    target: string | undefined,
    status: number | undefined,
    _message: string | undefined,
    upgrades: boolean,
  ) => {
    messages.push({
      fields: [...early, ...pairs(list)],
      url: url + (target ?? ''),
      status,
      body: '',
      trailers: [],
      whole: false,
    });
    early = [];
    url = '';
    if (role === 'request') {
      upgrade = upgrades;
      return 0;
    }
    if (status === 101) upgrade = true;
    const method = methods[replies];
    if (status !== undefined && status >= 200) replies++;
    return status === 101 ? 2 : method === 'HEAD' ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    (messages.at(-1) as LlhttpMessage).body += bytes.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const message = messages.at(-1) as LlhttpMessage;
    message.whole = true;
    message.trailers = early;
    early = [];
    url = '';
  };
  const result = parser.execute(Buffer.from(text, 'latin1'));
  return { messages, error: typeof result === 'number' ? null : result.code, upgrade };
}
