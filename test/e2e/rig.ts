import type * as grpc from '@grpc/grpc-js';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { type Greeter, type GreeterOptions, startGreeter } from '../support/greeter-server.ts';
import {
  type ConfigShape,
  greeterConfig,
  ready,
  type Sidecar,
  type SidecarDeps,
  startSidecar,
} from '../support/sidecar.ts';

/** What an end-to-end test builds up; all of it is taken down after the test, the latest first. */
export interface Rig {
  greeter(options?: GreeterOptions): Promise<Greeter>;
  /** Started and ready. */
  sidecar(shape: ConfigShape, deps?: SidecarDeps): Promise<Sidecar>;
  client(target: string, options?: grpc.ClientOptions): GreeterClient;
  /** One client, sidecar and replica: for calls that only have to go through. */
  chain(options?: GreeterOptions, cluster?: Record<string, unknown>): Promise<Chain>;
  /** Runs at the end of the test. */
  defer(takeDown: () => unknown): void;
}

export interface Chain {
  readonly client: GreeterClient;
  readonly sidecar: Sidecar;
  readonly replica: Greeter;
}

/** To be called within a `describe`. */
export function rig(): Rig {
  const deferred: Array<() => unknown> = [];
  const sidecars: Sidecar[] = [];
  afterEach(async function (this: Mocha.Context) {
    if (this.currentTest?.state === 'failed') for (const sidecar of sidecars) tell(sidecar);
    sidecars.length = 0;
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });
  const made: Rig = {
    async greeter(options) {
      const greeter = await startGreeter(options);
      deferred.push(() => greeter.kill());
      return greeter;
    },
    async sidecar(shape, deps) {
      const sidecar = await startSidecar(shape, deps);
      sidecars.push(sidecar);
      deferred.push(() => sidecar.stop());
      await ready(sidecar);
      return sidecar;
    },
    client(target, options) {
      const client = connectGreeter(target, options);
      deferred.push(() => client.close());
      return client;
    },
    async chain(options, cluster) {
      const replica = await made.greeter(options);
      const sidecar = await made.sidecar(greeterConfig([replica], cluster));
      return { client: made.client(sidecar.target()), sidecar, replica };
    },
    defer: (takeDown) => void deferred.push(takeDown),
  };
  return made;
}

function tell(sidecar: Sidecar): void {
  process.stderr.write(`sidecar with seed ${sidecar.seed} said:\n${sidecar.log.slice(-40).join('')}`);
}
