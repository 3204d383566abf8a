import type { IncomingMessage, ServerResponse } from 'node:http';
import { safeJson } from '../core/safe-text.ts';
import type { AdminDeps, TapReader, TapSession } from './deps.ts';
import { type OpenStream, openEventStream, type Reply, text } from './reply.ts';

/** Bytes of a descriptor set that a reader may send. */
export const tapDescriptorBytesMax = 4 * 1024 * 1024;

const lineType = 'application/x-ndjson; charset=utf-8';
const eventType = 'text/event-stream';

export interface TapQuestion {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** A descriptor set; empty for none. */
  readonly body: Buffer;
  /** Whether the reader may still read, by the credentials of now. */
  readonly isAllowed: () => boolean;
}

interface OpenTap {
  readonly session: TapSession;
  readonly isAllowed: () => boolean;
}

/** The streams of `/tap`: a JSON object on each line, or server-sent events where `Accept` names them. */
export class TapStreams {
  private readonly prepare: AdminDeps['tap'];
  private readonly open = new Set<OpenTap>();

  constructor(prepare: AdminDeps['tap']) {
    this.prepare = prepare;
  }

  answer({ request, query, body, isAllowed }: TapQuestion): Reply | OpenStream {
    const asEvents = request.headers.accept?.includes(eventType) === true;
    const type = asEvents ? eventType : lineType;
    if (request.method === 'HEAD') return { status: 200, type, body: '' };
    const prepared = this.prepare(query, body.length === 0 ? null : body);
    if ('problem' in prepared) return text(prepared.problem, prepared.status);
    return {
      open: (response) => {
        openEventStream(response, type);
        const session = prepared.open(readerOf(response, asEvents));
        const tap = { session, isAllowed };
        this.open.add(tap);
        response.once('close', () => {
          this.open.delete(tap);
          session.left();
        });
      },
    };
  }

  /** Ends the streams of readers that the credentials of now no longer let in. */
  recheck(): void {
    for (const { session, isAllowed } of this.open) if (!isAllowed()) session.end('not_allowed');
  }

  close(): void {
    for (const { session } of this.open) session.end('stopping');
  }
}

function readerOf(response: ServerResponse, asEvents: boolean): TapReader {
  return {
    get isBehind() {
      return response.writableNeedDrain || response.writableEnded || response.destroyed;
    },
    send(event) {
      const json = safeJson(JSON.stringify(event));
      response.write(asEvents ? `event: ${event.event}\ndata: ${json}\n\n` : `${json}\n`);
    },
    end: () => void response.end(),
  };
}
