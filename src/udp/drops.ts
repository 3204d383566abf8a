/** Why Outrigger drops a datagram, in the order of the documentation. */
export const dropReasons = [
  'session_limit', // `udp.maxSessions`
  'open_files', // no file descriptor or local port is left for the socket of a session
  'draining', // of a new client, while the listener drains
  'no_endpoint', // the cluster has no usable endpoint
  'overloaded', // a limit of the cluster, or memory
  'endpoint_refused', // the endpoint refused the datagram, and no other endpoint could get it
  'queue_full', // the system does not send as fast as datagrams arrive
  'send_failed', // the system refused to send, for example because the datagram is too large for the path
  'internal_error', // a bug of Outrigger
] as const;

export type DropReason = (typeof dropReasons)[number];

/** Datagrams that a listener forwarded and dropped. */
export class UdpCounts {
  /** Sessions that began. */
  sessions = 0;
  /** And those that are over. */
  ended = 0;
  requestDatagrams = 0;
  requestBytes = 0;
  responseDatagrams = 0;
  responseBytes = 0;
  private readonly drops = new Map<string, number>();

  dropped(reason: DropReason): void {
    this.drops.set(reason, this.droppedFor(reason) + 1);
  }

  droppedFor(reason: string): number {
    return this.drops.get(reason) ?? 0;
  }
}
