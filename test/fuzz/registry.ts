import type { FuzzTarget } from './target.ts';

interface TargetEntry {
  /** Share of the time that a run over all targets has. */
  readonly share: number;
  readonly load: () => Promise<FuzzTarget>;
}

/** By name. Each is loaded by the process that runs it only, so that its coverage is its own. */
export const targets = {
  frame: { share: 1, load: async () => (await import('./targets/frame.ts')).frame },
  hpack: { share: 2, load: async () => (await import('./targets/hpack.ts')).hpack },
  'hpack-pair': { share: 2, load: async () => (await import('./targets/hpack-pair.ts')).hpackPair },
  server: { share: 5, load: async () => (await import('./targets/connection.ts')).server },
  client: { share: 5, load: async () => (await import('./targets/connection.ts')).client },
  pair: { share: 5, load: async () => (await import('./targets/pair.ts')).pair },
  'http1-request': { share: 3, load: async () => (await import('./targets/http1.ts')).http1Request },
  'http1-reply': { share: 3, load: async () => (await import('./targets/http1.ts')).http1Reply },
  'http1-llhttp': { share: 2, load: async () => (await import('./targets/http1.ts')).http1Llhttp },
  'grpc-timeout': { share: 1, load: async () => (await import('./targets/grpc-timeout.ts')).grpcTimeout },
  router: { share: 2, load: async () => (await import('./targets/router.ts')).router },
  regex: { share: 2, load: async () => (await import('./targets/regex.ts')).regex },
  text: { share: 1, load: async () => (await import('./targets/text.ts')).text },
  trace: { share: 1, load: async () => (await import('./targets/trace.ts')).trace },
  xds: { share: 1, load: async () => (await import('./targets/xds.ts')).xds },
  config: { share: 3, load: async () => (await import('./targets/config.ts')).config },
} as const satisfies Record<string, TargetEntry>;

export type TargetName = keyof typeof targets;
export const targetNames = Object.keys(targets) as TargetName[];

export function isTargetName(name: string): name is TargetName {
  return Object.hasOwn(targets, name);
}
