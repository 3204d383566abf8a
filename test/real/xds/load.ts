import { connectGreeter } from '../../support/greeter-client.ts';

/** Calls that go on until they are stopped. */
export interface Load {
  readonly calls: number;
  /** Status and details of each call that failed. */
  readonly failures: readonly string[];
  /** Resolves once no call is in flight. */
  stop(): Promise<void>;
}

/** Starts callers that make one call after the other, all on one connection. A caller ends with its first failure. */
export function startLoad(target: string, callers: number, authority = target): Load {
  const client = connectGreeter(target, { 'grpc.default_authority': authority });
  const failures: string[] = [];
  let calls = 0;
  let going = true;
  const caller = async (): Promise<void> => {
    while (going) {
      const { code, details } = await client.sayHello('load');
      calls++;
      if (code === 0) continue;
      failures.push(`status ${code}: ${details}`);
      return;
    }
  };
  const all = Array.from({ length: callers }, caller);
  return {
    get calls() {
      return calls;
    },
    failures,
    async stop() {
      going = false;
      await Promise.all(all);
      client.close();
    },
  };
}
