/** Who is at the other end of a downstream connection. */
export interface Peer {
  /** IP address, or '' for a Unix socket. */
  readonly address: string;
  readonly port: number;
}
