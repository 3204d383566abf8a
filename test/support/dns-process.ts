import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DnsServer, ServiceRecord } from './dns-server.ts';

/** What the process is told. */
export type DnsOrder =
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly addresses: readonly string[];
      readonly ttlSec?: number;
    }
  | {
      readonly kind: 'setService';
      readonly name: string;
      readonly services: readonly ServiceRecord[];
      readonly ttlSec?: number;
    }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'mode'; readonly mode: DnsServer['mode'] };

const main = fileURLToPath(new URL('dns-process-main.ts', import.meta.url));

/** The DNS server of `dns-server.ts` in a process of its own: nothing but the packets is shared with who asks it. */
export async function startDnsProcess(): Promise<DnsServer> {
  const child = fork(main, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
  const exited = once(child, 'exit');
  const order = (what: DnsOrder): void => void child.send(what);
  const [{ address }] = (await once(child, 'message')) as [{ address: string }];
  const questions: string[] = [];
  child.on('message', ({ question }: { question?: string }) => {
    if (question !== undefined) questions.push(question);
  });
  let mode: DnsServer['mode'] = 'answer';
  return {
    address,
    questions,
    get mode() {
      return mode;
    },
    set mode(wanted) {
      mode = wanted;
      order({ kind: 'mode', mode });
    },
    set: (name, addresses, ttlSec) => order({ kind: 'set', name, addresses, ttlSec }),
    setService: (name, services, ttlSec) => order({ kind: 'setService', name, services, ttlSec }),
    remove: (name) => order({ kind: 'remove', name }),
    async close() {
      child.disconnect();
      await exited;
    },
  };
}
