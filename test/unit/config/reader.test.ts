import { expect } from 'chai';
import { minimal, problemsOf } from './support.ts';

/** One line of a file, and the one problem it makes. */
const wrong: [string, string, string][] = [
  ['an unknown key', 'drian: {}', 'f.yaml:10:1 drian: "drian" is not a known key; write drain'],
  [
    'an unknown key like no other',
    'qwerty: { attempts: 3 }',
    'f.yaml:10:1 qwerty: "qwerty" is not a known key; write admin, listeners, clusters, telemetry, modules, xds, limits, drain, reload, zone or log',
  ],
  [
    'a key that is no word',
    'log: { "a b": 1 }',
    'f.yaml:10:8 log."a b": "a b" is not a known key; write level or format',
  ],
  [
    'a key of every object',
    '__proto__: {}',
    'f.yaml:10:1 __proto__: "__proto__" is not a known key; write admin, listeners, clusters, telemetry, modules, xds, limits, drain, reload, zone or log',
  ],
  [
    'a key twice',
    'log: { level: info, level: warn }',
    'f.yaml:10:21 log.level: "level" is written twice, first in line 10; write it once',
  ],
  [
    'a text for a mapping',
    'drain: 10s',
    'f.yaml:10:8 drain: "10s" is text; write a mapping of delay, grace, goawayDelay and handover',
  ],
  ['a list for a mapping', 'log: [info]', 'f.yaml:10:6 log: is a list; write a mapping of level and format'],
  [
    'no value',
    'drain: { grace: }',
    'f.yaml:10:17 drain.grace: has no value; write a duration, such as 250ms, 1.5s, 2m or 1h',
  ],
  [
    'a duration without a unit',
    'drain: { grace: 10 }',
    'f.yaml:10:17 drain.grace: 10 has no unit; write 10s or 10ms',
  ],
  [
    'a duration out of bounds',
    'drain: { grace: 2h }',
    'f.yaml:10:17 drain.grace: "2h" is too long; write 1h or less',
  ],
  [
    'a word that is none of them',
    'log: { level: loud }',
    'f.yaml:10:15 log.level: "loud" is not known; write debug, info, warn or error',
  ],
  [
    'a number for a word',
    'log: { level: 1 }',
    'f.yaml:10:15 log.level: 1 is a number; write debug, info, warn or error',
  ],
  [
    'a number for a text',
    'telemetry: { serviceName: 7 }',
    'f.yaml:10:27 telemetry.serviceName: 7 is not text; write it in quotes, "7"',
  ],
  [
    'a YAML 1.1 boolean',
    'telemetry: { metrics: { otlp: yes } }',
    'f.yaml:10:31 telemetry.metrics.otlp: "yes" is neither true nor false; write true or false',
  ],
  [
    'a number out of bounds',
    'telemetry: { traces: { ratio: 1.5 } }',
    'f.yaml:10:31 telemetry.traces.ratio: 1.5 is above 1; write a number from 0 to 1',
  ],
  [
    'a number in quotes',
    'telemetry: { traces: { ratio: "0.5" } }',
    'f.yaml:10:31 telemetry.traces.ratio: "0.5" is text; write 0.5 without quotes',
  ],
  [
    'no number',
    'telemetry: { traces: { ratio: .nan } }',
    'f.yaml:10:31 telemetry.traces.ratio: NaN is not a number here; write a number from 0 to 1',
  ],
  [
    'an unknown word in a list',
    'telemetry: { traces: { propagators: [b4] } }',
    'f.yaml:10:37 telemetry.traces.propagators: "b4" is not known; did you mean b3? write tracecontext, baggage, b3, b3multi, jaeger or none',
  ],
  [
    'an address without a port',
    'admin: { listen: localhost }',
    'f.yaml:10:18 admin.listen: "localhost" has no port; write host:port, such as localhost:50051',
  ],
  [
    'a URL for an address',
    'admin: { listen: "http://a:1" }',
    'f.yaml:10:18 admin.listen: "http://a:1" is a URL, and an address has no scheme; write a:1',
  ],
  [
    'a host that is none',
    'admin: { listen: "a b:1" }',
    'f.yaml:10:18 admin.listen: "a b:1": "a b" is not a host; write host:port, [::1]:port or unix:/path',
  ],
  [
    'an access log to nowhere',
    'telemetry: { accessLog: { to: "file:" } }',
    'f.yaml:10:31 telemetry.accessLog.to: "file:" has no path; write file:PATH',
  ],
];

describe('config/reader', () => {
  for (const [what, line, problem] of wrong) {
    it(`reports the place of ${what}, and the fix`, () => {
      expect(problemsOf(minimal({ more: line }))).to.deep.equal([problem]);
    });
  }

  it('reports everything at once, in the order of the file, and nothing twice', () => {
    const text = `listeners:
  - name: outbound
    listen: 127.0.0.1
    route:
      - { name: all, cluster: greter }
clusters:
  - name: greeter
    protocol: http3
    endpoints:
      - { address: 127.0.0.1:50051 }
      - { adress: "127.0.0.1:50052", wieght: 2 }
      - 50053
      - { address: 127.0.0.1:50054, weight: 0 }
`;
    expect(problemsOf(text)).to.deep.equal([
      'f.yaml:3:13 listeners[0].listen: "127.0.0.1" has no port; write host:port, such as 127.0.0.1:50051',
      'f.yaml:4:5 listeners[0].route: "route" is not a known key; write routes',
      'f.yaml:8:15 clusters[0].protocol: "http3" is not known; write http2, http1, tcp or udp',
      'f.yaml:11:11 clusters[0].endpoints[1].adress: "adress" is not a known key; write address',
      'f.yaml:11:38 clusters[0].endpoints[1].wieght: "wieght" is not a known key; write weight',
      'f.yaml:12:9 clusters[0].endpoints[2]: 50053 is a number; write { address: 127.0.0.1:50051 }',
      'f.yaml:13:45 clusters[0].endpoints[3].weight: 0 is below 1; write a number from 1 to 1000000',
    ]);
  });

  it('reports what is missing where it should stand', () => {
    const text = `listeners: [{ routes: [{ match: {} }] }]
clusters: [{ name: c, discovery: {} }]
`;
    // Which policies make a cluster needless is theirs to say.
    const problems = problemsOf(text).map((line) => line.replace(/(the name of a cluster), or .*/, '$1'));
    expect(problems).to.deep.equal([
      'f.yaml:1:13 listeners[0].name: is missing; write a name',
      'f.yaml:1:13 listeners[0].listen: is missing; write an address',
      'f.yaml:1:24 listeners[0].routes[0].name: is missing; write a name',
      'f.yaml:1:24 listeners[0].routes[0].cluster: is missing; write the name of a cluster',
      'f.yaml:2:34 clusters[0].discovery: names no source of endpoints; write dns: { host: orders, port: 50051 }, file: { path: endpoints.yaml }, kubernetes: { service: orders, port: grpc } or xds: { service: orders }',
    ]);
  });

  it('reports empty lists and names that are used twice', () => {
    const text = `listeners: []
clusters:
  - { name: a, endpoints: [{ address: 127.0.0.1:1 }] }
  - { name: a, endpoints: [{ address: 127.0.0.1:2 }] }
`;
    expect(problemsOf(text)).to.deep.equal([
      'f.yaml:1:12 listeners: is empty; write at least one listener',
      'f.yaml:4:13 clusters[1].name: "a" is the name of clusters[0] already; write another',
    ]);
  });

  it('takes an empty value for an empty mapping', () => {
    expect(problemsOf(minimal({ cluster: '    health:\n      tcp:' }))).to.deep.equal([]);
  });
});
