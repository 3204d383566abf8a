import { connect } from 'node:net';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { failed, type Probe, type ProbeResult, timedOut } from './probe.ts';

/** Healthy is what accepts a connection. It is closed at once, without a byte. */
export function tcpProbe(address: Address, clock: Clock): Probe {
  let abandon: () => void = () => {};
  return {
    check: (timeoutMs) =>
      new Promise<ProbeResult>((resolve) => {
        const socket = connect(
          address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
        );
        const settle = (result: ProbeResult): void => {
          timer.cancel();
          socket.destroy();
          resolve(result);
        };
        const timer = clock.after(timeoutMs, () => settle(timedOut(timeoutMs)));
        abandon = () => settle({ verdict: 'failed', reason: 'given up' });
        socket.on('connect', () => settle({ verdict: 'healthy', reason: 'accepts connections' }));
        socket.on('error', (error) => settle(failed(error)));
      }),
    close: () => abandon(),
  };
}
