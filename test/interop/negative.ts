import { startSidecar } from '../support/sidecar-process.ts';
import { type Misbehaviour, type Served, startMisbehaving } from './misbehaving-server.ts';
import { negativeCommand } from './peers.ts';
import { runOne, type Verdict } from './run-cases.ts';

/**
 * What the Go client sees of each, through the sidecar and without it:
 *
 * | case | the server | the client |
 * |---|---|---|
 * | goaway | GOAWAY after the first call | two calls succeed; the sidecar's own connection to the client lives on, and the second call goes over a new one to the server |
 * | rst_after_header | head, RST_STREAM NO_ERROR | INTERNAL. Not retried: a head was relayed, so the call is committed |
 * | rst_during_data | head, half a message, RST_STREAM NO_ERROR | INTERNAL; half a message and then trailers with the error |
 * | rst_after_data | head, the whole message, RST_STREAM NO_ERROR | INTERNAL, although the message was whole: there was no status |
 * | ping | PING before and after head and data | one call succeeds; the sidecar answers every PING |
 * | max_streams | MAX_CONCURRENT_STREAMS 1 | 16 calls, 15 of them at once, succeed: the sidecar opens more connections, never a second stream |
 * | data_frame_padding | 5 bytes of data and 256 of padding in each frame | a reply of 314,159 bytes; credit for the padding comes back |
 */
interface NegativeCase {
  readonly how: Misbehaviour;
  /** Where what the client says is right although it says it as a failure. */
  readonly alsoRight?: RegExp;
  /** What the server has to have seen; null where it has. */
  readonly judge: (connections: readonly Served[]) => string | null;
}

const reset = (share: 'head' | 'half' | 'all'): NegativeCase => ({
  how: { share, end: 'reset' },
  judge: (connections) => calls(connections, 1),
});

const cases = {
  goaway: {
    how: { end: 'goaway' },
    judge: (connections) =>
      calls(connections, 2) ??
      (connections.every((connection) => connection.calls <= 1) ? null : 'both calls came on one connection'),
  },
  rst_after_header: reset('head'),
  // This client still asks for UNKNOWN, which its own library stopped to give: without the sidecar it gets INTERNAL as well.
  rst_during_data: { ...reset('half'), alsoRight: /Internal, want _, Unknown$/ },
  rst_after_data: reset('all'),
  ping: {
    how: { pings: true, end: 'trailers' },
    judge: (connections) => {
      const open = sum(connections, ({ pingsOpen }) => pingsOpen);
      const sent = sum(connections, ({ pings }) => pings);
      return (
        calls(connections, 1) ?? (sent === 4 && open === 0 ? null : `${open} of ${sent} PINGs have no answer`)
      );
    },
  },
  max_streams: {
    how: { maxConcurrentStreams: 1, end: 'trailers' },
    judge: (connections) => {
      const most = Math.max(...connections.map(({ concurrentMost }) => concurrentMost));
      return calls(connections, 16) ?? (most === 1 ? null : `${most} streams were open at once`);
    },
  },
  data_frame_padding: {
    how: { chunkBytes: 5, padBytes: 255, end: 'trailers' },
    judge: (connections) => calls(connections, 1),
  },
} satisfies Record<string, NegativeCase>;

export const negativeCases = Object.keys(cases);

function sum(connections: readonly Served[], of: (connection: Served) => number): number {
  return connections.reduce((total, connection) => total + of(connection), 0);
}

/** Also says when a call was retried that may have been processed. */
function calls(connections: readonly Served[], expected: number): string | null {
  const got = sum(connections, (connection) => connection.calls);
  return got === expected ? null : `the server saw ${got} calls, not ${expected}`;
}

const judgePatienceMs = 2000;

/** What the last acknowledgements bring may come after the client's end. */
async function judged(judge: () => string | null): Promise<string | null> {
  const untilMs = Date.now() + judgePatienceMs;
  for (;;) {
    const why = judge();
    if (why === null || Date.now() > untilMs) return why;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs one case, with a server and a sidecar of its own. */
export async function runNegative(name: string, goPath: string, direct: boolean): Promise<Verdict> {
  const { how, judge, alsoRight } = (cases as Record<string, NegativeCase>)[name];
  const server = await startMisbehaving(how);
  try {
    const sidecar = direct ? null : await startSidecar([`127.0.0.1:${server.port}`]);
    const port = sidecar === null ? server.port : Number(sidecar.listener.split(':')[1]);
    const said = await runOne(negativeCommand(goPath, port, name));
    // A client that has ended owes the server nothing more; the sidecar, which lives on, does.
    const seen = direct ? null : await judged(() => judge(server.connections));
    const code = (await sidecar?.stop()) ?? 0;
    if (said !== null && !alsoRight?.test(said)) return said;
    return seen ?? (code === 0 ? null : `the sidecar ended with ${code}: ${sidecar?.log()}`);
  } finally {
    await server.close();
  }
}
