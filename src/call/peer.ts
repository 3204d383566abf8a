/** Who is at the other end of a downstream connection. */
export interface Peer {
  /** IP address, or '' for a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** What the client speaks on this connection, whatever it says of that; absent where it is not known. */
  readonly scheme?: 'http' | 'https';
  /** HTTP version of the connection; a client of HTTP/1.0 counts as 1.1. Absent for TCP and UDP. */
  readonly httpVersion?: '1.1' | '2';
  /**
   * Who the client is by its verified TLS certificate: the first URI of the subject alternative names (a SPIFFE ID), else the
   * first DNS name, else the common name. '' or undefined without such a certificate.
   */
  readonly identity?: string;
  /** When the connection is due for its next load report; see `dueAfterReport`. Belongs to `report-load.ts`. */
  reportDueMs?: number;
}
