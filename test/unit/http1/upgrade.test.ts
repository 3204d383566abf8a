import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { errorReply } from '../../../src/call/local-reply.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { type Ending, endings } from '../../../src/core/ending.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { TunnelDuplex } from '../../../src/http1/tunnel-duplex.ts';
import { proxyUpgrade } from '../../../src/http1/upgrade.ts';
import { http1UpgradeClient } from '../../../src/http1/upgrade-client.ts';
import { FakeStream } from '../call/call-rig.ts';

describe('proxyUpgrade', () => {
  it('asks no endpoint for a client that left while one was picked', async () => {
    let connections = 0;
    const server = createServer(() => connections++).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const duplex = new TunnelDuplex(new FakeStream());
    const released: Ending[] = [];
    const outcome = await proxyUpgrade(http1UpgradeClient(duplex), {
      clock: systemClock,
      random: new SeededRandom(1),
      heads: new HeadCache(),
      connectAttemptsMax: 2,
      opened: () => {},
      errorReply: (error) => errorReply(error, { grpc: false, method: 'GET', contentType: '' }, 1),
      async choose() {
        duplex.destroy();
        await once(duplex, 'close');
        const target = {
          address: { kind: 'tcp', host: '127.0.0.1', port },
          head: HeaderBlock.of([':method', 'GET'], [':path', '/'], [':authority', 'a']),
          dial: {
            tls: null,
            connectTimeoutMs: 2000,
            replyLimits: { headBytesMax: 8192, fieldsMax: 100, chunkExtensionBytesMax: 1024 },
          },
          http2: null,
          clientAddress: null,
          replyHead: (head: HeaderBlock) => head,
          release: (ending: Ending) => void released.push(ending),
        } as const;
        return { kind: 'endpoint', target };
      },
    });
    expect(outcome).to.include({ httpStatus: 0, error: '', attempts: 1 });
    expect(released).to.deep.equal([endings.cancelled]);
    server.close();
    await once(server, 'close');
    expect(connections).to.equal(0);
  });
});
