import { expect } from 'chai';
import { foreignTargets } from '../../../src/config/foreign-keys.ts';
import { unfilledTemplate } from '../../../src/config/syntax-errors.ts';
import { table } from '../../../src/config/table.ts';
import { pathsOf } from '../../../src/config/unknown-key.ts';
import { minimal, problemsOf } from './support.ts';

interface BadInput {
  readonly what: string;
  readonly text: string;
  /** Every problem, word for word. */
  readonly problems: readonly string[];
}

/** The smallest file with one more line, which is line 10. */
const more = (line: string): string => minimal({ more: line });
/** The same with another listener's `listen`, `tls` and the like, in line 5. */
const listener = (keys: string): string => minimal({ listener: `    ${keys}` });
const cluster = (keys: string): string => minimal({ cluster: `    ${keys}` });

const syntax: readonly BadInput[] = [
  {
    what: 'a key that is indented less than its neighbours',
    text: `listeners:
  - name: outbound
    listen: 127.0.0.1:15001
   routes: []
clusters:
  - name: greeter
    endpoints: [{ address: 127.0.0.1:50051, weight: 0 }]
`,
    problems: [
      'f.yaml:4:4: this line is indented by 3 spaces, which is not the indentation of any key above; indent it by 2 or 4',
      'f.yaml:7:53 clusters[0].endpoints[0].weight: 0 is below 1; write a number from 1 to 1000000',
    ],
  },
  {
    what: 'keys that are indented more than their neighbours',
    text: `listeners:
  - name: outbound
    listen: 127.0.0.1:15001
     routes: []
clusters:
- name: greeter
   endpoints: []
`,
    problems: [
      'f.yaml:4:6: this line is indented by 5 spaces, deeper than the key above it, which has a value already; indent it by 4',
      'f.yaml:7:4: this line is indented by 3 spaces, deeper than the key above it, which has a value already; indent it by 2',
    ],
  },
  {
    what: 'tabs',
    text: 'listeners:\n\t- name: outbound\nclusters: 7\n',
    problems: [
      'f.yaml:2:1: a tab indents this line; use spaces',
      'f.yaml:3:11 clusters: 7 is a number; write a list of clusters, such as [{ name: greeter, endpoints: [{ address: 127.0.0.1:50051 }] }]',
    ],
  },
  {
    what: 'JSON that ends too early, with an error before that',
    text: `{ "log": { "level": "loud" },
  "clusters": [ { "name": "c" }
`,
    problems: [
      'f.yaml:1:21 log.level: "loud" is not known; write debug, info, warn or error',
      'f.yaml:2:15: the "[" here is never closed; write "]" where it ends',
    ],
  },
  {
    what: 'JSON without a comma',
    text: '{ "drain": { "grace": "1s" "handover": "1s" } }\n',
    problems: [
      'f.yaml:1:28: this is not expected here; write the comma, quote or bracket that is missing before it',
    ],
  },
  {
    what: 'brackets that cross',
    text: more('log: [ { level: info ] }'),
    problems: ['f.yaml:10:22: "]" stands where the "{" of line 10, column 8 is still open; write "}" first'],
  },
  {
    what: 'a quote that is never closed',
    text: more('log: { level: "info }'),
    problems: ['f.yaml:10:15: the quote " that begins here is never closed; write " at the end of the value'],
  },
  {
    what: 'a key without a colon',
    text: 'listeners:\n  - name outbound\n    listen: 127.0.0.1:1\nclusters\n  - name: x\n',
    problems: [
      'f.yaml:2:5: "name" has no colon and space between key and value; write name: …',
      'f.yaml:4:1: "clusters" has no colon and space between key and value; write clusters: …',
    ],
  },
  {
    what: 'a value that looks like a key',
    text: cluster('tls: { ca: a: b }').replace('tls: { ca: a: b }', 'connectTimeout: a: b'),
    problems: ['f.yaml:9:21: this value holds ": ", which makes a key of it; put the value in quotes'],
  },
  {
    what: 'an IPv6 address without quotes',
    text: minimal().replace('127.0.0.1:50051', '[::1]:50051'),
    problems: ['f.yaml:8:28: an IPv6 address requires quotes; write "[::1]:50051"'],
  },
  {
    what: 'a template that was not filled in',
    text: minimal().replace('127.0.0.1:15001', '{{ .Values.listen }}'),
    problems: [`f.yaml:3:13 listeners[0].listen: ${unfilledTemplate}`],
  },
  {
    what: 'a character that YAML reserves',
    text: more('zone: @home'),
    problems: ['f.yaml:10:7: a value that begins with "@" requires quotes'],
  },
  {
    what: 'an asterisk without quotes',
    text: minimal({ route: ', match: { authority: *.example.com }' }),
    problems: [
      'f.yaml:4:65: "*.example.com" is an alias, and no anchor before it has its name; for a text that begins with "*" write quotes',
    ],
  },
  {
    what: 'keys without a space after the colon',
    text: minimal().replace('name: greeter\n    endpoints: [{ address: 127.0.0.1:50051 }]', 'name:greeter'),
    problems: [
      'f.yaml:7:5 clusters[0]: "name:greeter" is text; write { name: greeter, endpoints: [{ address: 127.0.0.1:50051 }] } (a key requires a space after its colon)',
    ],
  },
  {
    what: 'merge keys',
    text: more('log: { <<: { level: info } }'),
    problems: [
      'f.yaml:10:8 log."<<": merge keys ("<<") are not supported; write the keys out, or use an alias for a whole value',
    ],
  },
];

const shapes: readonly BadInput[] = [
  {
    what: 'TLS as a switch',
    text: minimal({ listener: '    tls: true', cluster: '    tls: true' }),
    problems: [
      'f.yaml:5:10 listeners[0].tls: true is not a mapping; write { cert: server.pem, key: server.key }',
      'f.yaml:9:10 clusters[0].tls: true is not a mapping; write {} for the authorities of the system, or { ca: ca.pem }',
    ],
  },
  {
    what: 'sections as a switch',
    text: minimal({ listener: '    tls: false', cluster: '    health: false\n    outlier: true' }),
    problems: [
      'f.yaml:5:10 listeners[0].tls: false is not a mapping; remove it to leave this off',
      'f.yaml:9:13 clusters[0].health: false is not a mapping; write none to turn it off',
      'f.yaml:10:14 clusters[0].outlier: true is not a mapping; remove it for the defaults, or write none, or { consecutiveErrors: 5 }',
    ],
  },
  {
    what: 'words of other programs for none',
    text: minimal({ cluster: '    health: off\n    outlier: disabled' }),
    problems: [
      'f.yaml:9:13 clusters[0].health: "off" is not a mapping; write none to turn it off',
      'f.yaml:10:14 clusters[0].outlier: "disabled" is not a mapping; write none to turn it off',
    ],
  },
  {
    what: 'an empty list of clusters beside other errors',
    text: 'listeners:\n  - { name: a, listen: ":16001", protocol: tcp }\nclusters: []\nlog: { level: loud }\n',
    problems: [
      'f.yaml:2:5 listeners[0].cluster: is missing; write the name of the cluster that gets the connections',
      'f.yaml:2:24 listeners[0].listen: ":16001" has no host; write 127.0.0.1:16001 for this machine or 0.0.0.0:16001 for every interface',
      'f.yaml:3:11 clusters: is empty; write at least one cluster',
      'f.yaml:4:15 log.level: "loud" is not known; write debug, info, warn or error',
    ],
  },
  {
    what: 'a log in a folder that does not exist',
    text: more('telemetry: { accessLog: { to: "file:/nonexistent/a.log" } }'),
    problems: [
      'f.yaml:10:31 telemetry.accessLog.to: "file:/nonexistent/a.log": the folder "/nonexistent" does not exist; create it, or write a path in one that exists',
    ],
  },
];

const keys: readonly BadInput[] = [
  {
    what: 'a configuration of Envoy',
    text: 'static_resources: { listeners: [], clusters: [] }\n',
    problems: [
      'f.yaml:1:1 static_resources: "static_resources" is not a known key, but one of Envoy; write listeners and clusters at the top level',
    ],
  },
  {
    what: 'a key of Envoy',
    text: cluster('lb_policy: ROUND_ROBIN'),
    problems: [
      'f.yaml:9:5 clusters[0].lb_policy: "lb_policy" is not a known key, but one of Envoy; here it is clusters[].balancer.policy',
    ],
  },
  {
    what: 'a key with underscores',
    text: cluster('connect_timeout: 1s'),
    problems: [
      'f.yaml:9:5 clusters[0].connect_timeout: "connect_timeout" is not a known key; write connectTimeout',
    ],
  },
  {
    what: 'keys of Istio',
    text: cluster(
      'trafficPolicy: { connectionPool: {} }\n    subsets: []\n    limits: { http2MaxRequests: 1000 }',
    ),
    problems: [
      'f.yaml:9:5 clusters[0].trafficPolicy: "trafficPolicy" is not a known key, but one of Istio; here it is clusters[].balancer, clusters[].outlier or clusters[].limits',
      'f.yaml:10:5 clusters[0].subsets: "subsets" is not a known key, but one of Istio; a subset is a cluster here; write a cluster with a Service for its pods',
      'f.yaml:11:15 clusters[0].limits.http2MaxRequests: "http2MaxRequests" is not a known key, but one of Istio; here it is clusters[].limits.maxRequests',
    ],
  },
  {
    what: 'keys of nginx',
    text: minimal({ route: ', add_header: x, proxy_pass: greeter', more: 'upstream: {}' }),
    problems: [
      'f.yaml:4:45 listeners[0].routes[0].add_header: "add_header" is not a known key, but one of nginx; here it is listeners[].routes[].headers.reply.add',
      'f.yaml:4:60 listeners[0].routes[0].proxy_pass: "proxy_pass" is not a known key, but one of nginx; here it is listeners[].routes[].cluster',
      'f.yaml:10:1 upstream: "upstream" is not a known key, but one of nginx; write clusters at the top level',
    ],
  },
  {
    what: 'keys of HAProxy, Traefik, Linkerd and a Kubernetes resource',
    text: more('frontend: {}\nentryPoints: {}\nfailureAccrual: {}\napiVersion: v1'),
    problems: [
      'f.yaml:10:1 frontend: "frontend" is not a known key, but one of HAProxy; write listeners at the top level',
      'f.yaml:11:1 entryPoints: "entryPoints" is not a known key, but one of Traefik; write listeners at the top level',
      'f.yaml:12:1 failureAccrual: "failureAccrual" is not a known key, but one of Linkerd; here it is clusters[].outlier',
      'f.yaml:13:1 apiVersion: "apiVersion" is not a known key, but one of Kubernetes; this is not a Kubernetes resource; write listeners and clusters at the top level',
    ],
  },
  {
    what: 'a key of another proxy that another key here is missing for',
    text: minimal().replace('{ address: 127.0.0.1:50051 }', '{ host: 127.0.0.1, port: 50051 }'),
    problems: [
      'f.yaml:8:19 clusters[0].endpoints[0].host: "host" is not a known key, but one of another proxy; here it is clusters[].endpoints[].address',
      'f.yaml:8:36 clusters[0].endpoints[0].port: "port" is not a known key, but one of another proxy; here it is clusters[].endpoints[].address',
    ],
  },
  {
    what: 'keys of ours in another section',
    text: minimal({
      listener: '    retry: { on: [unavailable] }',
      cluster: '    weight: 2',
      more: 'level: info',
    }),
    problems: [
      'f.yaml:5:5 listeners[0].retry: "retry" is not a key here; it belongs to listeners[].routes[]',
      'f.yaml:9:5 clusters[0].weight: "weight" is not a key here; it belongs to clusters[].endpoints[]',
      'f.yaml:10:1 level: "level" is not a key here; it belongs to log',
    ],
  },
];

const groups: Readonly<Record<string, readonly BadInput[]>> = { syntax, shapes, keys };

describe('config: bad input gets place, cause and fix', () => {
  for (const [group, inputs] of Object.entries(groups)) {
    describe(group, () => {
      for (const { what, text, problems } of inputs)
        it(what, () => expect(problemsOf(text)).to.deep.equal(problems));
    });
  }

  it('names of other programs lead to keys that there are', () => {
    const known = new Set(
      pathsOf(table, '').map(({ section, name }) => (section === '' ? name : `${section}.${name}`)),
    );
    expect(foreignTargets().filter((path) => !known.has(path))).to.deep.equal([]);
  });

  it('a number may have an exponent', () => {
    expect(problemsOf(listener('limits: { maxConnections: 1e9 }'))).to.deep.equal([
      'f.yaml:5:31 listeners[0].limits.maxConnections: 1000000000 is above 1000000; write a whole number from 1 to 1000000',
    ]);
  });
});
