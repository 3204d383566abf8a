import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Address } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { failed, type Probe, type ProbeResult, timedOut } from './probe.ts';
import { connectProbe, type ProbeTls } from './probe-socket.ts';

export interface TcpProbeSettings {
  readonly tls?: ProbeTls;
  /** What calls speak. */
  readonly alpn?: 'h2' | 'http/1.1';
}

/**
 * How long a server that speaks TLS 1.3 has to refuse our certificate, milliseconds: there a client's handshake is over before
 * the server has seen the client's certificate (RFC 8446 section 2). A server that sends a session ticket has accepted it.
 */
const refusalMs = 100;

/**
 * Healthy is what accepts a connection, with TLS one whose handshake is complete and whose certificate is the endpoint's. It is
 * closed at once, without a byte of its own.
 */
export function tcpProbe(address: Address, clock: Clock, settings: TcpProbeSettings = {}): Probe {
  const { tls, alpn = 'http/1.1' } = settings;
  let abandon: () => void = () => {};
  return {
    check: (timeoutMs) =>
      new Promise<ProbeResult>((resolve) => {
        const socket = connectProbe(address, tls, alpn);
        let refusal: Timer | null = null;
        const settle = (result: ProbeResult): void => {
          timer.cancel();
          refusal?.cancel();
          socket.destroy();
          resolve(result);
        };
        const timer = clock.after(timeoutMs, () => settle(timedOut(timeoutMs)));
        abandon = () => settle({ verdict: 'failed', reason: 'given up' });
        socket.on('error', (error) => settle(failed(error)));
        const accepted = (): void => settle({ verdict: 'healthy', reason: 'accepts connections' });
        if (!(socket instanceof TLSSocket)) return void socket.on('connect', accepted);
        const handshaken = (): void => settle({ verdict: 'healthy', reason: 'accepts TLS connections' });
        socket.on('secureConnect', () => {
          if (socket.getProtocol() !== 'TLSv1.3') return handshaken();
          refusal = clock.after(Math.min(refusalMs, timeoutMs), handshaken);
          whenAccepted(socket, handshaken);
        });
        socket.on('close', () =>
          settle({ verdict: 'failed', reason: 'connection closed during the TLS handshake' }),
        );
      }),
    close: () => abandon(),
  };
}

function whenAccepted(socket: Socket, accepted: () => void): void {
  socket.once('session', accepted);
  socket.once('data', accepted);
}
