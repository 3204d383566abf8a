import { type RequestOptions, request } from 'node:http';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { failed, type Probe, type ProbeResult, timedOut } from './probe.ts';
import { connectProbe, type ProbeTls } from './probe-socket.ts';

export interface HttpProbeSettings {
  /** With its query, `/healthz?deep=1`. */
  readonly path: string;
  /** The Host header; the address if not given. */
  readonly host?: string;
  /** Further headers by their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that say healthy; any 2xx if not given. */
  readonly expectedStatuses?: readonly number[];
  readonly tls?: ProbeTls;
}

/**
 * `GET path` over HTTP/1.1, a connection per probe. Another status than expected is the server saying that it is
 * not well, so it counts at once, as in Envoy; no answer counts to the threshold.
 */
export function httpProbe(address: Address, clock: Clock, settings: HttpProbeSettings): Probe {
  const options: RequestOptions = {
    path: settings.path,
    headers: {
      host: settings.host ?? (address.kind === 'unix' ? 'localhost' : formatAddress(address)),
      'user-agent': 'outrigger-health',
      ...settings.headers,
      connection: 'close',
    },
    createConnection: () => connectProbe(address, settings.tls, 'http/1.1'),
  };
  const expected = (status: number) =>
    settings.expectedStatuses?.includes(status) ?? (status >= 200 && status < 300);
  let abandon: () => void = () => {};
  return {
    check: (timeoutMs) =>
      new Promise<ProbeResult>((resolve) => {
        const probe = request(options);
        const settle = (result: ProbeResult): void => {
          timer.cancel();
          probe.destroy();
          resolve(result);
        };
        const timer = clock.after(timeoutMs, () => settle(timedOut(timeoutMs)));
        abandon = () => settle({ verdict: 'failed', reason: 'given up' });
        probe.on('response', (response) => {
          const status = response.statusCode ?? 0;
          // The head is the answer; the body is never read. Destroying it mid-way is an error of the response.
          response.on('error', () => {});
          settle({
            verdict: expected(status) ? 'healthy' : 'unhealthy_now',
            reason: `HTTP status ${status}`,
          });
        });
        probe.on('error', (error) => settle(failed(error)));
        probe.end();
      }),
    close: () => abandon(),
  };
}
