import type { ReloadOutcome } from '../../src/admin/deps.ts';
import { readFileBounded } from '../../src/config/config-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { checkSafeRegex } from '../../src/routing/safe-regex.ts';
import type { ConfigShape, Sidecar } from '../support/sidecar.ts';
import type { Rig } from './rig.ts';

export interface Reloadable {
  readonly proxy: Sidecar;
  /** Reloads with another configuration: a shape, or the text of a file. */
  reload(next: ConfigShape | string): Promise<ReloadOutcome>;
}

/** Starts a sidecar whose configuration is a text that the test may change. */
export async function startReloadable(sidecar: Rig['sidecar'], shape: ConfigShape): Promise<Reloadable> {
  const withPorts = (one: ConfigShape): ConfigShape => ({
    admin: { listen: '127.0.0.1:0' },
    drain: { grace: '2s', goawayDelay: '0s' },
    ...one,
  });
  let text = JSON.stringify(withPorts(shape));
  const proxy = await sidecar(shape, {
    load: () =>
      loadConfig({
        flags: { config: 'outrigger.yaml' },
        env: {},
        checkRegex: checkSafeRegex,
        readFile: (path, bytesMax) =>
          path === 'outrigger.yaml' ? { value: Buffer.from(text) } : readFileBounded(path, bytesMax),
      }),
  });
  return {
    proxy,
    async reload(next) {
      text = typeof next === 'string' ? next : JSON.stringify(withPorts(next));
      return proxy.app.reload('the test');
    },
  };
}
