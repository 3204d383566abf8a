import type { HeaderBlock } from '../../src/core/header-block.ts';
import { HeaderBlock as Block } from '../../src/core/header-block.ts';
import { ClientConnection, type ClientConnectionOptions } from '../../src/http1/client-connection.ts';
import type { ClientStream } from '../../src/http1/client-stream.ts';
import { HeadCache } from '../../src/http1/head-cache.ts';
import { Recorder } from './memory-pair.ts';

export const clientOptions: ClientConnectionOptions = {
  name: '10.0.0.1:80',
  fallbackHost: '10.0.0.1:80',
  limits: { headBytesMax: 16_384, fieldsMax: 100, chunkExtensionBytesMax: 1024 },
  heads: new HeadCache(),
};

/** The head of a request; more fields follow the usual ones. */
export function requestHead(method: string, ...more: Array<[string, string]>): HeaderBlock {
  return Block.of(
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'a.test'],
    [':path', '/p'],
    ...more,
  );
}

/** The upstream end of a connection in memory, and what its owner and its peer hear of it. */
export class ClientEnd {
  readonly connection: ClientConnection;
  /** `idle`, `readable`, `refused REASON`, `ended`, `ended at once`. */
  readonly events: string[] = [];
  /** What the peer has received. */
  wire = '';
  private dirty = false;

  constructor(options: Partial<ClientConnectionOptions> = {}) {
    this.connection = new ClientConnection(
      { ...clientOptions, ...options },
      {
        written: () => {
          this.dirty = true;
        },
        flush: () => {
          this.dirty = true;
        },
        readable: () => this.events.push('readable'),
        idle: () => this.events.push('idle'),
        refused: ({ reason }) => this.events.push(`refused ${reason}`),
        ended: (atOnce) => this.events.push(atOnce ? 'ended at once' : 'ended'),
      },
    );
    this.connection.start();
  }

  /** Opens an exchange with a recorder. */
  open(recorder = new Recorder()): { stream: ClientStream; recorder: Recorder } {
    const stream = this.connection.open(recorder, '');
    recorder.stream = stream;
    return { stream, recorder };
  }

  /** An exchange whose request has no body and has left. */
  request(method: string, ...more: Array<[string, string]>): { stream: ClientStream; recorder: Recorder } {
    const opened = this.open();
    opened.stream.head(requestHead(method, ...more), true);
    this.flush();
    return opened;
  }

  /** Hands what was written to the peer, as a socket binding does once per turn. */
  flush(): void {
    const { connection } = this;
    if (!this.dirty) return;
    this.dirty = false;
    connection.beginFlush();
    const { out } = connection;
    if (out.length === 0) return;
    this.wire += out.bytes.toString('latin1', 0, out.length);
    out.clear();
    connection.flushed();
  }

  /** The peer says something, in pieces that end at `cuts`. */
  receive(text: string, cuts: readonly number[] = []): void {
    const bytes = Buffer.from(text, 'latin1');
    const ends = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
    let start = 0;
    for (const end of [...ends, bytes.length]) {
      // Inside a larger buffer that is overwritten afterwards: nobody may keep the bytes of a read.
      const read = Buffer.alloc(end - start + 5, 0xee);
      bytes.copy(read, 3, start, end);
      this.connection.receive(read, 3, 3 + end - start);
      read.fill(0xdd);
      start = end;
    }
  }
}
