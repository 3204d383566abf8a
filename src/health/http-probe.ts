import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest, type RequestOptions as TlsRequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { failed, type Probe, type ProbeResult, type ProbeTls, timedOut } from './probe.ts';

export interface HttpProbeSettings {
  /** With its query, `/healthz?deep=1`. */
  readonly path: string;
  /** The Host header; the address if not given. */
  readonly host?: string;
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
    ...(address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port }),
    path: settings.path,
    headers: {
      host: settings.host ?? (address.kind === 'unix' ? 'localhost' : formatAddress(address)),
      'user-agent': 'outrigger-health',
      connection: 'close',
    },
    agent: false,
  };
  const { tls } = settings;
  const tlsOptions: TlsRequestOptions & Pick<ConnectionOptions, 'secureContext'> = {
    ...options,
    secureContext: tls?.secureContext,
    servername: tls?.serverName,
  };
  const open = () => (tls === undefined ? httpRequest(options) : httpsRequest(tlsOptions));
  const expected = (status: number) =>
    settings.expectedStatuses?.includes(status) ?? (status >= 200 && status < 300);
  let abandon: () => void = () => {};
  return {
    check: (timeoutMs) =>
      new Promise<ProbeResult>((resolve) => {
        const request = open();
        const settle = (result: ProbeResult): void => {
          timer.cancel();
          request.destroy();
          resolve(result);
        };
        const timer = clock.after(timeoutMs, () => settle(timedOut(timeoutMs)));
        abandon = () => settle({ verdict: 'failed', reason: 'given up' });
        request.on('response', (response) => {
          const status = response.statusCode ?? 0;
          // The head is the answer; the body is never read. Destroying it mid-way is an error of the response.
          response.on('error', () => {});
          settle({
            verdict: expected(status) ? 'healthy' : 'unhealthy_now',
            reason: `HTTP status ${status}`,
          });
        });
        request.on('error', (error) => settle(failed(error)));
        request.end();
      }),
    close: () => abandon(),
  };
}
