import { type IncomingMessage, request } from 'node:http';
import type { CallEvent, TapEvent } from '../../src/tap/events.ts';
import { until } from './until.ts';

/** A reader of `/tap`, with all events that came. */
export interface TapClient {
  readonly status: number;
  readonly type: string;
  /** The body of a refusal. */
  readonly text: string;
  readonly events: readonly TapEvent[];
  /** Waits for this many calls, and gives them. */
  calls(count: number): Promise<CallEvent[]>;
  /** Waits for the first event of a kind. */
  event<K extends TapEvent['event']>(kind: K): Promise<Extract<TapEvent, { event: K }>>;
  readonly ended: boolean;
  pause(): void;
  resume(): void;
  close(): void;
}

/** Opens `/tap?QUERY`; resolves once its head is there, and `tap` has come where it was not refused. */
export async function openTap(
  adminUrl: string,
  query = '',
  { body, headers }: { body?: Uint8Array; headers?: Record<string, string> } = {},
): Promise<TapClient> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const asking = request(`${adminUrl}/tap${query}`, { method, headers, agent: false }, resolve);
    asking.on('error', reject);
    asking.end(body);
  });
  let text = '';
  let ended = false;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('end', () => {
    ended = true;
  });
  response.on('error', () => {
    ended = true;
  });
  const eventsNow = (): TapEvent[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^data: /, ''))
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as TapEvent);
  const callsNow = (): CallEvent[] => eventsNow().filter((event) => event.event === 'call');
  const client: TapClient = {
    status: response.statusCode ?? 0,
    type: response.headers['content-type'] ?? '',
    get text() {
      return text;
    },
    get events() {
      return response.statusCode === 200 ? eventsNow() : [];
    },
    get ended() {
      return ended;
    },
    async calls(count) {
      await until(
        () => callsNow().length >= count,
        () => `${callsNow().length} of ${count} calls: ${text.slice(-2000)}`,
      );
      return callsNow();
    },
    async event<K extends TapEvent['event']>(kind: K) {
      const find = (): TapEvent | undefined => eventsNow().find(({ event }) => event === kind);
      await until(
        () => find() !== undefined,
        () => `no ${kind} in ${text.slice(-2000)}`,
      );
      return find() as Extract<TapEvent, { event: K }>;
    },
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: () => void response.destroy(),
  };
  if (client.status === 200) await client.event('tap');
  else
    await until(
      () => ended,
      () => 'the refusal is not complete',
    );
  return client;
}
