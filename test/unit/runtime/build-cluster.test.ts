import { expect } from 'chai';
import { configOf } from '../../../src/cli/run.ts';
import type { ClusterConfig, Config } from '../../../src/config/table.ts';
import { type Address, parseAddress } from '../../../src/core/address.ts';
import { BufferBudget } from '../../../src/http2/buffer-budget.ts';
import { HpackCaches } from '../../../src/http2/hpack/caches.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import { clusterTls, connectTimeoutOf, upstreamHttp2 } from '../../../src/runtime/build-cluster.ts';
import { listenerSettings } from '../../../src/runtime/build-listener.ts';

function config(more: object = {}): Config {
  const endpoints = [{ address: '127.0.0.1:1' }];
  return configOf({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c' }] }],
    clusters: [{ name: 'c', endpoints, ...more }],
  });
}
const clusterConfig = (more: object = {}): ClusterConfig => config(more).clusters[0];
const address = (text: string): Address => parseAddress(text).value!;

describe('a cluster as configured', () => {
  it('gives a connection 1 s on loopback and 5 s elsewhere, unless configured otherwise', () => {
    const usual = clusterConfig();
    expect(connectTimeoutOf(usual, address('127.0.0.1:1'))).to.equal(1000);
    expect(connectTimeoutOf(usual, address('unix:/x'))).to.equal(1000);
    expect(connectTimeoutOf(usual, address('10.0.0.1:1'))).to.equal(5000);
    expect(connectTimeoutOf(clusterConfig({ connectTimeout: '250ms' }), address('10.0.0.1:1'))).to.equal(250);
  });

  it('speaks cleartext unless it has a tls section; an empty one means the authorities of the system', () => {
    expect(clusterTls(clusterConfig())).to.equal(null);
    expect(clusterTls(clusterConfig({ tls: {} })))
      .to.include({ minVersion: 'TLSv1.2' })
      .and.to.not.have.property('ca');
    expect(clusterTls(clusterConfig({ tls: { serverName: 'orders.example' } }))?.servername).to.equal(
      'orders.example',
    );
  });

  it('holds connections to endpoints to the limits of the cluster, by default to those of the engine', () => {
    const budget = new BufferBudget(1);
    const hpackCaches = new HpackCaches();
    const shared = { bufferBudget: budget, hpackCaches };
    const { streamsPerTurnMax, ...usual } = upstreamHttp2(clusterConfig().limits, shared);
    const { streamsPerTurnMax: _, ...engine } = { ...connectionDefaults, budget, hpackCaches };
    expect(usual).to.deep.equal(engine);
    expect(streamsPerTurnMax, 'connections take turns').to.be.below(connectionDefaults.streamsPerTurnMax);
    const limits = {
      headerListBytes: '2KiB',
      headerCount: 11,
      maxContinuations: 5,
      maxGlitches: 12,
      maxControlFrames: 13,
    };
    expect(upstreamHttp2(clusterConfig({ limits }).limits, shared)).to.include({
      headerListBytesMax: 2048,
      headerFieldsMax: 11,
      continuationsMax: 5,
      glitchesMax: 12,
      controlFramesMax: 13,
    });
  });

  it('shares one buffer budget and one set of HPACK caches between all connections of the process', () => {
    const shared = { bufferBudget: new BufferBudget(1), hpackCaches: new HpackCaches(), sharedPorts: false };
    const { listeners, clusters } = config();
    for (const options of [
      listenerSettings(listeners[0], shared).http2,
      upstreamHttp2(clusters[0].limits, shared),
    ]) {
      expect(options.budget).to.equal(shared.bufferBudget);
      expect(options.hpackCaches).to.equal(shared.hpackCaches);
    }
  });
});
