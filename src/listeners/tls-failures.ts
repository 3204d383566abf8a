/** Why a TLS handshake with a client failed; the values of a label. */
export type TlsFailureReason =
  | 'client_certificate' // missing where one is required, or not valid
  | 'rejected_by_client' // the client sent an alert: as a rule, it does not trust our certificate
  | 'incompatible' // no version, cipher or protocol in common
  | 'not_tls' // the client does not speak TLS
  | 'timeout'
  | 'closed' // the client closed the connection
  | 'other';

/** Codes of Node and OpenSSL by reason; an alert has `ALERT` in its code. */
const reasonsByCode: Readonly<Record<string, TlsFailureReason>> = {
  ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  ERR_SSL_HTTP_REQUEST: 'not_tls',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not_tls',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'incompatible',
  ERR_SSL_NO_SHARED_CIPHER: 'incompatible',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'incompatible',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'client_certificate',
};

/** Returns the reason for an error of Node's `tlsClientError`. */
export function tlsFailureReason(error: unknown): TlsFailureReason {
  const code = String((error as { readonly code?: unknown } | null)?.code ?? '');
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) return 'rejected_by_client';
  return reasonsByCode[code] ?? 'other';
}

/** Counts TLS handshakes with clients that failed, by listener and reason. Listeners are of the configuration. */
export class TlsFailureCounts {
  private readonly counts = new Map<string, Map<TlsFailureReason, number>>();

  add(listener: string, reason: TlsFailureReason): void {
    let ofListener = this.counts.get(listener);
    if (ofListener === undefined) {
      ofListener = new Map();
      this.counts.set(listener, ofListener);
    }
    ofListener.set(reason, (ofListener.get(reason) ?? 0) + 1);
  }

  /** Calls `report` with every count above 0. */
  each(report: (listener: string, reason: TlsFailureReason, count: number) => void): void {
    for (const [listener, ofListener] of this.counts)
      for (const [reason, count] of ofListener) report(listener, reason, count);
  }
}
