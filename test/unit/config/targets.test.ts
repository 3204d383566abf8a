import { expect } from 'chai';
import { configOf, problemsOf } from './support.ts';

const from = '127.0.0.1:15001';
const told = (...to: string[]): string[] => problemsOf(undefined, { flags: { from, to } });

describe('config/targets', () => {
  it('are the file that they stand for', () => {
    const config = configOf(undefined, {
      flags: {
        from,
        to: ['127.0.0.1:50051', '[::1]:50052;weight=2.5;zone=a;priority=1', 'unix:/run/c.sock'],
      },
    });
    const same = configOf(`
listeners: [{ name: outbound, listen: "${from}", routes: [{ name: all, cluster: upstream }] }]
clusters:
  - name: upstream
    endpoints:
      - { address: 127.0.0.1:50051 }
      - { address: "[::1]:50052", weight: 2.5, zone: a, priority: 1 }
      - { address: unix:/run/c.sock }
`);
    expect(config).to.deep.equal(same);
  });

  it('may be a name that DNS knows', () => {
    for (const to of ['dns:///orders:50051', 'dns:orders:50051']) {
      const [cluster] = configOf(undefined, { flags: { from, to: [to] } }).clusters;
      expect(cluster.discovery?.dns).to.include({ host: 'orders', port: 50051, type: 'address' });
      expect(cluster.endpoints).to.deep.equal([]);
    }
  });

  it('is a list, in one flag or in several', () => {
    const weights = (...to: string[]) =>
      configOf(undefined, { flags: { from, to } }).clusters[0].endpoints.map((endpoint) => endpoint.weight);
    expect(weights('a:1,b:2')).to.deep.equal([1, 1]);
    expect(weights('a:1, b:2,weight=2', 'c:3;weight=3')).to.deep.equal([1, 2, 3]);
    expect(told('a:1,b', 'c:')).to.deep.equal([
      '--to: "b" has no port; write host:port, such as b:50051',
      '--to: "c:" has no port after the colon; write host:port, such as c:50051',
    ]);
    expect(told('a:1,a:1')).to.deep.equal([
      '--to: "a:1" is in the list already; write it once, with a weight for a larger share',
    ]);
    expect(told(',', '')).to.deep.equal([
      '--to: is missing; write --to 127.0.0.1:50051,127.0.0.1:50052 or --to dns:///host:port',
    ]);
  });

  it('may come from variables, separated by commas or spaces', () => {
    const env = {
      OUTRIGGER_FROM: from,
      OUTRIGGER_TO: '127.0.0.1:1, 127.0.0.1:2;weight=2 127.0.0.1:3 weight=3',
    };
    const [cluster] = configOf(undefined, { env }).clusters;
    expect(cluster.endpoints.map((endpoint) => endpoint.weight)).to.deep.equal([1, 2, 3]);
    const one = configOf(undefined, { env, flags: { to: ['127.0.0.1:9'] } });
    expect(one.clusters[0].endpoints).to.have.length(1);
  });

  it('say what is missing', () => {
    expect(problemsOf(undefined)).to.deep.equal([
      'configuration: there is none; write --config FILE, or --from ADDR --to TARGET',
    ]);
    expect(problemsOf(undefined, { flags: { to: ['127.0.0.1:1'] } })).to.deep.equal([
      '--from: is missing; write --from 127.0.0.1:15001, the address that your clients will call',
    ]);
    expect(problemsOf(undefined, { flags: { from } })).to.deep.equal([
      '--to: is missing; write --to 127.0.0.1:50051,127.0.0.1:50052 or --to dns:///host:port',
    ]);
  });

  it('say everything that is wrong with them, by the name of the flag or variable', () => {
    expect(told('127.0.0.1', '127.0.0.1:0', 'http://a:1')).to.deep.equal([
      '--to: "127.0.0.1" has no port; write host:port, such as 127.0.0.1:50051',
      '--to: "127.0.0.1:0": nothing can be reached at port 0; write a port from 1 to 65535',
      '--to: "http://a:1" is a URL, and an address has no scheme; write a:1',
    ]);
    const env = { OUTRIGGER_FROM: 'here', OUTRIGGER_TO: 'there' };
    expect(problemsOf(undefined, { env })).to.deep.equal([
      'OUTRIGGER_FROM: "here" has no port; write host:port, such as here:50051',
      'OUTRIGGER_TO: "there" has no port; write host:port, such as there:50051',
    ]);
  });

  it('say what is wrong with what follows an address', () => {
    expect(
      told('a:1;wieght=2', 'a:1;weight', 'a:1;weight=0', 'a:1;weight=x', 'a:1;zone=a;zone=b'),
    ).to.deep.equal([
      '--to: "a:1;wieght=2": "wieght" is not an option of an endpoint; did you mean weight?',
      '--to: "a:1;weight": weight has no value; write weight=…',
      '--to: "a:1;weight=0": weight: 0 is below 1; write a number from 1 to 1000000',
      '--to: "a:1;weight=x": weight: "x" is not a number; write a number from 1 to 1000000',
      '--to: "a:1;zone=a;zone=b": zone is written twice; write it once',
    ]);
  });

  it('say what is wrong with a DNS target', () => {
    expect(told('dns:///orders', 'dns://8.8.8.8/orders:1', 'dns:///orders:1;weight=2')).to.deep.equal([
      '--to: "dns:///orders" is not a DNS target; write dns:///host:port',
      '--to: "dns://8.8.8.8/orders:1" names a DNS server, and Outrigger asks those of the system; write dns:///host:port',
      '--to: "dns:///orders:1;weight=2": every address that DNS finds has weight 1; write dns:///host:port',
    ]);
    expect(told('dns:///orders:1', '127.0.0.1:1')).to.deep.equal([
      '--to: a dns:/// target stands alone; write one such target, or addresses only',
    ]);
  });

  it('keep the rules that a file keeps, without naming places of a file', () => {
    expect(told('127.0.0.1:1', '127.0.0.1:1')).to.deep.equal([
      '--to: "127.0.0.1:1" is in the list already; write it once, with a weight for a larger share',
    ]);
    expect(told(from)[0]).to.match(/^--to: "127\.0\.0\.1:15001" is where listener "outbound" listens/);
  });
});
