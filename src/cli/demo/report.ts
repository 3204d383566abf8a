import type { LoadFigures } from './load.ts';

/** A replica as the demo shows it. */
export interface DemoReplica {
  readonly name: string;
  readonly address: string;
  readonly weight: number;
  readonly serviceMs: number;
  readonly pid: number;
}

export interface DemoPlaces {
  /** With no slash at the end. */
  readonly adminUrl: string;
  /** `host:port` of the listener. */
  readonly listener: string;
  readonly callsPerSecond: number;
  /** From the end of a replica to its restart, milliseconds. */
  readonly restartAfterMs: number;
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)}%`;
const ms = (value: number): string =>
  value === 0 ? '-' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const left = (text: string, width: number): string => text.padEnd(width);
const right = (text: string, width: number): string => text.padStart(width);

/** What runs and where to look; printed once. */
export function introduction(replicas: readonly DemoReplica[], places: DemoPlaces): string {
  const { adminUrl, listener, callsPerSecond, restartAfterMs } = places;
  return `
Outrigger demo: ${callsPerSecond} calls a second from one client connection to three replicas

  live page   ${adminUrl}/
  metrics     ${adminUrl}/metrics
  gRPC        ${listener}   (helloworld.Greeter, plaintext)
  call it     grpcurl -plaintext -import-path protos -proto greeter.proto \\
                -d '{"name":"you"}' ${listener} helloworld.Greeter/SayHello

  replica  address          weight  service time
${replicas.map(replicaLine).join('\n')}

  A replica that you kill is restarted on the same port after ${restartAfterMs / 1000} s. Ctrl-C ends the demo with a summary.

${header(replicas)}`;
}

function replicaLine(replica: DemoReplica): string {
  const slow = replica.serviceMs >= 10 ? '   the slow one' : '';
  const hint = `   (kill ${replica.pid} to see it fail over)`;
  return `  ${left(replica.name, 7)}  ${left(replica.address, 15)}  ${right(String(replica.weight), 6)}  ${right(`${replica.serviceMs} ms`, 12)}${slow || hint}`;
}

/** A line among the seconds: a replica has ended. */
export function replicaGone(name: string, how: string, restartAfterMs: number): string {
  return `  ── replica ${name} ended (${how}): its calls in flight fail, the others take over; restart in ${restartAfterMs / 1000} s`;
}

/** A line among the seconds: it is there again. */
export function replicaBack(name: string, pid: number): string {
  return `  ── replica ${name} listens again (PID ${pid}); it gets calls once a health probe succeeds`;
}

function header(replicas: readonly DemoReplica[]): string {
  const shares = replicas.map(({ name }) => right(name, 7)).join('');
  return `  second   calls  errors      p50      p99  ${shares}   share of the calls`;
}

/** One line a second. */
export function secondLine(second: number, figures: LoadFigures, replicas: readonly DemoReplica[]): string {
  const served = totalServed(figures);
  const shares = replicas
    .map(({ name }) => right(percent(figures.replicas[name]?.calls ?? 0, served), 7))
    .join('');
  const { calls, errors, p50Ms, p99Ms, failure } = figures;
  const why = failure === '' ? '' : `   ${failure}`;
  return `  ${right(String(second), 6)}  ${right(String(calls), 6)}  ${right(String(errors), 6)}  ${right(ms(p50Ms), 7)}  ${right(ms(p99Ms), 7)}  ${shares}${why}`;
}

/**
 * What the whole run showed. The rows of the replicas are what a client would have got that an L4 balancer had
 * pinned to that replica: they are measured, on the calls that went there.
 */
export function summary(total: LoadFigures, replicas: readonly DemoReplica[], lost: number): string {
  const served = totalServed(total);
  const weights = replicas.reduce((sum, { weight }) => sum + weight, 0);
  const rows = replicas.map(({ name, weight }) => {
    const seen = total.replicas[name] ?? { calls: 0, p50Ms: 0, p99Ms: 0 };
    return `  ${left(name, 12)}${right(percent(weight, weights), 8)}${right(percent(seen.calls, served), 9)}${right(String(seen.calls), 9)}${right(ms(seen.p50Ms), 10)}${right(ms(seen.p99Ms), 10)}`;
  });
  const failed =
    total.errors === 0 ? 'none failed' : `${total.errors} failed, for instance with ${total.failure}`;
  const ends =
    lost === 0 ? '' : `\n  Replicas ended ${lost} ${lost === 1 ? 'time' : 'times'} and were restarted.`;
  return `
Summary: ${total.calls} calls over one connection, ${failed}${ends}

  replica       weight    share    calls       p50       p99
${rows.join('\n')}
  ${left('all', 12)}${right('100.0%', 8)}${right('100.0%', 9)}${right(String(served), 9)}${right(ms(total.p50Ms), 10)}${right(ms(total.p99Ms), 10)}

  Each call went to the replica with the fewest calls in flight for its weight, so the slow one got less than its
  weight and the others took it over. A balancer of connections would have kept this client on one replica: on one
  row of the three above.
`;
}

function totalServed(figures: LoadFigures): number {
  return Object.values(figures.replicas).reduce((sum, { calls }) => sum + calls, 0);
}
