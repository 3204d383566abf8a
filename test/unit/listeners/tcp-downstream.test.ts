import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { InternalErrors } from '../../../src/core/internal-errors.ts';
import { type LogFacts, silentLogger } from '../../../src/core/logger.ts';
import { tcpDownstream } from '../../../src/listeners/tcp-downstream.ts';
import { createRecentCalls } from '../../../src/telemetry/recent-calls.ts';
import { until } from '../../support/until.ts';
import { callRig } from '../call/call-rig.ts';

describe('listeners/tcp-downstream', () => {
  it('gives an endpoint the connect timeout of its cluster, and logs who took no connection', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const rig = callRig({ protocol: 'tcp' });
    const dial = {
      connectTimeoutMs: 700,
      tls: null,
      replyLimits: { headBytesMax: 1024, fieldsMax: 100, chunkExtensionBytesMax: 1024 },
    };
    Object.assign(rig.endpoints[0], { target: { kind: 'tcp', host: '127.0.0.1', port }, dial });
    rig.cluster.stop(); // whose own timer is for its first moments
    const warnings: LogFacts[] = [];
    const recent = createRecentCalls();
    const telemetry = { ...rig.context.telemetry, connectionSettled: recent.add };
    const context = { ...rig.context, telemetry };
    const passthrough = tcpDownstream({
      clock: rig.clock,
      logger: { ...silentLogger, warn: (_message, facts = {}) => void warnings.push(facts) },
      internalErrors: new InternalErrors(silentLogger),
      context: () => context,
      idleTimeoutMs: () => 0,
    });
    const client = new net.Socket();
    passthrough.accept(client, null);
    // The connection would stand in the next turn of the event loop; the virtual clock fires in this one.
    rig.clock.advance(699);
    expect(rig.clock.pending).to.equal(1);
    rig.clock.advance(1);
    await until(
      () => rig.endpoints[0].error === 1,
      () => 'the first attempt has not failed',
    );
    passthrough.close();
    expect(recent.recent()[0].attempts[0].error).to.equal('connect_timeout');
    expect(warnings[0]).to.include({ cluster: 'greeter', code: 'draining' });
    expect(rig.cluster.active).to.equal(0);
    client.destroy();
    server.close();
    await once(server, 'close');
  });
});
