import type { Emit, Registry } from './registry.ts';

/** What one listener with `protocol: udp` shows. */
export interface UdpMetrics {
  readonly listener: string;
  readonly activeSessions: number;
  readonly counts: {
    readonly sessions: number;
    readonly requestDatagrams: number;
    readonly requestBytes: number;
    readonly responseDatagrams: number;
    readonly responseBytes: number;
    droppedFor(reason: string): number;
  };
}

/** `outrigger_udp_*`, of the listeners with `protocol: udp`. `reasons` are those for which datagrams are dropped. */
export function registerUdpMetrics(
  registry: Registry,
  reasons: readonly string[],
  listeners: () => Iterable<UdpMetrics>,
): void {
  const each = (emitOne: (emit: Emit, labels: Record<string, string>, one: UdpMetrics) => void) => {
    return (emit: Emit): void => {
      for (const one of listeners()) emitOne(emit, { 'outrigger.listener': one.listener }, one);
    };
  };
  const byDirection = (request: keyof UdpMetrics['counts'], response: keyof UdpMetrics['counts']) =>
    each((emit, labels, { counts }) => {
      emit({ ...labels, 'outrigger.direction': 'request' }, counts[request] as number);
      emit({ ...labels, 'outrigger.direction': 'response' }, counts[response] as number);
    });
  registry.observe(
    'counter',
    { name: 'outrigger.udp.sessions', help: 'UDP sessions that began.', unit: '{session}' },
    each((emit, labels, { counts }) => emit(labels, counts.sessions)),
  );
  registry.observe(
    'gauge',
    { name: 'outrigger.udp.sessions.active', help: 'UDP sessions that are not over.', unit: '{session}' },
    each((emit, labels, { activeSessions }) => emit(labels, activeSessions)),
  );
  registry.observe(
    'counter',
    { name: 'outrigger.udp.datagrams', help: 'Datagrams forwarded.', unit: '{datagram}' },
    byDirection('requestDatagrams', 'responseDatagrams'),
  );
  registry.observe(
    'counter',
    { name: 'outrigger.udp.datagram', help: 'Bytes of datagrams forwarded, without headers.', unit: 'By' },
    byDirection('requestBytes', 'responseBytes'),
  );
  registry.observe(
    'counter',
    { name: 'outrigger.udp.dropped', help: 'Datagrams dropped, by reason.', unit: '{datagram}' },
    each((emit, labels, { counts }) => {
      for (const reason of reasons)
        emit({ ...labels, 'outrigger.reason': reason }, counts.droppedFor(reason));
    }),
  );
}
