import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { localhostCertificate, localhostKey } from '../health/localhost-certificate.ts';
import { minimal, problemsOf } from './support.ts';

/** Problems of the smallest file with something changed, without the place. */
function told(
  parts: Parameters<typeof minimal>[0],
  files: Readonly<Record<string, string | Buffer>> = {},
): string[] {
  return problemsOf(minimal(parts), { files }).map((line) => line.replace(/^f\.yaml:\d+:\d+ /, ''));
}

const tcpCluster = '  - { name: raw, protocol: tcp, endpoints: [{ address: 127.0.0.1:6379 }] }';

describe('config/rules', () => {
  describe('references', () => {
    it('a route names a cluster that there is', () => {
      const text = minimal().replace('cluster: greeter', 'cluster: greter');
      expect(problemsOf(text)).to.deep.equal([
        'f.yaml:4:36 listeners[0].routes[0].cluster: "greter" is not the name of a cluster; write greeter',
      ]);
    });

    it('a route leads to no tcp cluster, a tcp listener to no other', () => {
      const listener = '  - { name: l4, listen: 127.0.0.1:6000, protocol: tcp, cluster: greeter }';
      const route = ' }, { name: x, match: { path: /x }, cluster: raw';
      expect(told({ listener, route, cluster: tcpCluster })).to.deep.equal([
        'listeners[0].routes[1].cluster: "raw" is a tcp cluster, and routes carry HTTP; write one that is http2 or http1',
        'listeners[1].cluster: "greeter" is an http2 cluster; give it protocol: tcp',
      ]);
    });
  });

  describe('socket files', () => {
    it('have a mode and an owner; a port has none', () => {
      const listener = `  - { name: a, listen: 127.0.0.1:6000, protocol: tcp, cluster: raw, socket: { mode: "0660" } }
  - { name: b, listen: "unix:/run/b", protocol: tcp, cluster: raw, socket: { mode: "0660", user: app, group: "1000" } }`;
      expect(told({ listener, cluster: tcpCluster })).to.deep.equal([
        'listeners[1].socket: is for a unix: address, and listen is "127.0.0.1:6000"; remove it, or write listen: unix:/path',
      ]);
    });

    it('are for one listener each', () => {
      const listener = `  - { name: a, listen: "unix:/run/a", protocol: tcp, cluster: raw }
  - { name: b, listen: "unix:/run/a", protocol: tcp, cluster: raw }`;
      expect(told({ listener, cluster: tcpCluster })).to.deep.equal([
        'listeners[2].listen: "unix:/run/a" is taken by listeners[1].listen; write another path',
      ]);
    });

    it('have a mode in quotes, since YAML reads 0660 as 660', () => {
      const socket = (mode: string): string =>
        `  - { name: a, listen: "unix:/run/a", protocol: tcp, cluster: raw, socket: { mode: ${mode} } }`;
      const at = 'listeners[1].socket.mode:';
      expect(told({ listener: socket('660'), cluster: tcpCluster })).to.deep.equal([
        `${at} 660 is not text; write it in quotes, "660"`,
      ]);
      expect(told({ listener: socket('"rw"'), cluster: tcpCluster })).to.deep.equal([
        `${at} "rw" is not a file mode; write octal digits in quotes, such as "0660"`,
      ]);
    });
  });

  describe('listeners', () => {
    it('a tcp listener has a cluster and nothing that reads HTTP or TLS', () => {
      const tls = 'tls: { cert: c, key: k }';
      const listener = `  - { name: a, listen: 127.0.0.1:6000, protocol: tcp }
  - { name: b, listen: 127.0.0.1:6001, protocol: tcp, routes: [{ name: r, cluster: greeter }] }
  - { name: c, listen: 127.0.0.1:6002, protocol: tcp, cluster: raw, ${tls} }`;
      expect(
        told({ listener, cluster: tcpCluster }, { c: localhostCertificate, k: localhostKey }),
      ).to.deep.equal([
        'listeners[1].cluster: is missing; write the name of the cluster that gets the connections',
        'listeners[2].routes: is for protocol: auto, since a tcp listener reads no HTTP; write cluster instead',
        'listeners[3].tls: is for protocol: auto, since a tcp listener passes TLS on as it is; leave it out',
      ]);
    });

    const said = (text: string): string[] =>
      problemsOf(text).map((line) => line.replace(/^f\.yaml:\d+:\d+ /, ''));
    const udp = (listener: string, cluster = ''): string =>
      `listeners:\n  - name: in\n    listen: 127.0.0.1:53\n    protocol: udp\n    cluster: dns\n${listener}
clusters:\n  - name: dns\n    protocol: udp\n    endpoints: [{ address: 127.0.0.1:9053 }]\n${cluster}`;

    it('only a listener in front of the local service reports load, in headers', () => {
      expect(said(udp('    direction: inbound\n    reportLoad: true'))).to.deep.equal([
        'listeners[0].reportLoad: is for protocol: auto, since udp has no headers; leave it out',
      ]);
      expect(said(udp('    reportLoad: true'))).to.deep.equal([
        'listeners[0].reportLoad: is for listeners in front of the local service, and this listener is outbound; write direction: inbound, or leave it out',
      ]);
    });

    it('a UDP listener has a host and port, a cluster, and no TLS', () => {
      expect(said(udp(''))).to.deep.equal([]);
      expect(
        said(udp('    tls: { cert: a, key: b }\n    routes: [{ name: all, cluster: dns }]')),
      ).to.include.members([
        'listeners[0].tls: is for protocol: auto, since a udp listener passes DTLS and QUIC on as they are; leave it out',
        'listeners[0].routes: is for protocol: auto, since a udp listener reads no HTTP; write cluster instead',
      ]);
      expect(said(udp('').replace('127.0.0.1:53', 'unix:/x'))).to.deep.equal([
        'listeners[0].listen: is a socket file, and protocol is udp; write host:port, such as 127.0.0.1:53',
      ]);
      expect(said(udp('').replace('    cluster: dns\n', ''))).to.deep.equal([
        'listeners[0].cluster: is missing; write the name of the cluster that gets the datagrams',
      ]);
    });

    it('only a UDP listener has udp', () => {
      const text = udp('    udp: { responses: 1 }');
      expect(said(text)).to.deep.equal([]);
      expect(said(text.replaceAll('protocol: udp', 'protocol: tcp'))).to.deep.equal([
        'listeners[0].udp: is for protocol: udp, and this listener is tcp; leave it out',
      ]);
    });

    it('TCP and UDP have ports of their own, and clusters of their own', () => {
      const both = (protocol: string): string =>
        `listeners:
  - { name: a, listen: 127.0.0.1:53, protocol: udp, cluster: dns }
  - { name: b, listen: 127.0.0.1:53, protocol: ${protocol}, cluster: dns-tcp }
clusters:
  - { name: dns, protocol: udp, endpoints: [{ address: 127.0.0.1:9053 }] }
  - { name: dns-tcp, protocol: ${protocol}, endpoints: [{ address: 127.0.0.1:9053 }] }
`;
      expect(said(both('tcp'))).to.deep.equal([]);
      expect(said(both('udp'))).to.deep.equal([
        'listeners[1].listen: "127.0.0.1:53" is taken by listeners[0].listen; write another port',
      ]);
      expect(said(both('tcp').replace('cluster: dns-tcp', 'cluster: dns'))).to.deep.equal([
        'listeners[1].cluster: "dns" is a udp cluster; give it protocol: tcp',
      ]);
      expect(said(both('tcp').replace('cluster: dns }', 'cluster: dns-tcp }'))).to.include(
        'listeners[0].cluster: "dns-tcp" is a tcp cluster; give it protocol: udp',
      );
    });

    it('endpoints of UDP are IP addresses, and have no TLS', () => {
      expect(said(udp('').replace('127.0.0.1:9053', 'dns.example:53'))).to.deep.equal([
        'clusters[0].endpoints[0].address: "dns.example:53" has no IP address, and this cluster is udp; write one, or discovery: { dns: { host: dns.example, port: 53 } }',
      ]);
      expect(said(udp('').replace('127.0.0.1:9053', 'unix:/x'))).to.deep.equal([
        'clusters[0].endpoints[0].address: "unix:/x" is a socket file, and this cluster is udp; write host:port',
      ]);
      expect(said(udp('').replace('127.0.0.1:9053', 'localhost:9053'))).to.deep.equal([]);
      expect(said(udp('', '    tls: {}'))).to.deep.equal([
        'clusters[0].tls: is for http2 and http1, since udp passes datagrams on as they are; leave it out',
      ]);
    });

    it('health of UDP names a probe', () => {
      expect(said(udp('', '    health: { interval: 1s }'))).to.deep.equal([
        'clusters[0].health: names no probe, and Outrigger has none for udp; write tcp: {} if the endpoints also take TCP connections, or none',
      ]);
      for (const health of ['none', '{ tcp: {} }'])
        expect(said(udp('', `    health: ${health}`)), health).to.deep.equal([]);
    });

    it('an HTTP listener has routes and no cluster', () => {
      const listener = `  - { name: a, listen: 127.0.0.1:6000, cluster: greeter }
  - { name: b, listen: 127.0.0.1:6001 }
  - name: c
    listen: 127.0.0.1:6002
    routes: []`;
      expect(told({ listener })).to.deep.equal([
        'listeners[1].cluster: a listener names a cluster only with protocol: tcp or udp; write routes: [{ name: all, cluster: greeter }]',
        'listeners[2].routes: is missing; write at least one route, such as { name: all, cluster: … }',
        'listeners[3].routes: is empty; write at least one route',
      ]);
    });

    it('no two listen on one address, the admin server included', () => {
      const listen = (address: string): string[] =>
        told({ listener: `  - { name: b, listen: "${address}", routes: [{ name: r, cluster: greeter }] }` });
      expect(listen('127.0.0.1:15001')).to.deep.equal([
        'listeners[1].listen: "127.0.0.1:15001" is taken by listeners[0].listen; write another port',
      ]);
      expect(listen('0.0.0.0:15000')).to.deep.equal([
        'listeners[1].listen: "0.0.0.0:15000" is taken by admin.listen, which is 127.0.0.1:15000; write another port',
      ]);
      for (const address of ['localhost:15001', '[::]:15001'])
        expect(listen(address), address).to.have.length(1);
      for (const address of ['[::1]:15001', '127.0.0.2:15001', '127.0.0.1:0', 'unix:/tmp/x'])
        expect(listen(address), address).to.deep.equal([]);
    });

    it('no listener is its own upstream', () => {
      const text = minimal().replace('127.0.0.1:50051', 'localhost:15001');
      expect(problemsOf(text)).to.deep.equal([
        'f.yaml:8:28 clusters[0].endpoints[0].address: "localhost:15001" is where listener "outbound" listens, so calls would go round for ever; write the address of the service',
      ]);
    });

    it('TLS has the files it needs, and authorities for client certificates', () => {
      const tls = '{ cert: gone.pem, key: k.pem, requireClientCert: true }';
      const listener = `  - { name: a, listen: 127.0.0.1:6000, tls: ${tls}, routes: [{ name: r, cluster: greeter }] }`;
      expect(told({ listener }, { 'k.pem': localhostKey })).to.have.members([
        'listeners[1].tls.cert: "gone.pem" does not exist; write the path of a file that does',
        'listeners[1].tls.requireClientCert: true needs authorities to check against; write clientCa too',
      ]);
    });

    it('TLS files hold what they are to hold, and key and certificate belong together', () => {
      const tls = '{ cert: c.pem, key: k.pem, clientCa: ca.pem }';
      const listener = `  - { name: a, listen: 127.0.0.1:6000, tls: ${tls}, routes: [{ name: r, cluster: greeter }] }`;
      const files = { 'c.pem': localhostCertificate, 'k.pem': localhostKey, 'ca.pem': localhostCertificate };
      expect(told({ listener }, files)).to.deep.equal([]);
      const swapped = { 'c.pem': localhostKey, 'k.pem': localhostCertificate, 'ca.pem': 'nothing' };
      expect(told({ listener }, swapped)).to.have.members([
        'listeners[1].tls.cert: "c.pem" holds no certificate; write the path of a PEM file with one',
        'listeners[1].tls.key: "k.pem" holds no private key; write the path of a PEM file with one',
        'listeners[1].tls.clientCa: "ca.pem" holds no certificate; write the path of a PEM file with one',
      ]);
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      expect(told({ listener }, { ...files, 'k.pem': other })).to.deep.equal([
        'listeners[1].tls.key: "k.pem" is not the key of the certificate "c.pem"; write the one that it was made with',
      ]);
    });

    it('a key with a passphrase, a damaged file and a format that is not PEM each have their own words', () => {
      const tls = '{ cert: c.pem, key: k.pem, clientCa: ca.pem }';
      const listener = `  - { name: a, listen: 127.0.0.1:6000, tls: ${tls}, routes: [{ name: r, cluster: greeter }] }`;
      const fine = { 'c.pem': localhostCertificate, 'k.pem': localhostKey, 'ca.pem': localhostCertificate };
      const one = (change: Readonly<Record<string, string | Buffer>>): string =>
        told({ listener }, { ...fine, ...change }).join('\n');
      const key = createPrivateKey(localhostKey);
      const passphrase = { cipher: 'aes-256-cbc', passphrase: 'x' } as const;
      const fix = 'holds a private key with a passphrase; write a key without one, as openssl pkey -in k.pem';
      expect(one({ 'k.pem': key.export({ type: 'pkcs8', format: 'pem', ...passphrase }) })).to.include(fix);
      const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      expect(one({ 'k.pem': rsa.export({ type: 'pkcs1', format: 'pem', ...passphrase }) })).to.include(fix);
      expect(one({ 'k.pem': key.export({ type: 'pkcs8', format: 'der' }) })).to.include(
        'tls.key: "k.pem" is in DER format; write a PEM file, as openssl pkey -inform der -in k.pem -out key.pem makes it',
      );
      const { raw } = new X509Certificate(localhostCertificate);
      expect(one({ 'c.pem': raw })).to.include('tls.cert: "c.pem" is in DER format; write a PEM file');
      expect(one({ 'ca.pem': raw })).to.include('tls.clientCa: "ca.pem" is in DER format; write a PEM file');
      const pkcs12 = Buffer.from([0x30, 0x82, 1, 0, 2, 1, 3, 0x30]);
      expect(one({ 'c.pem': pkcs12 })).to.include('"c.pem" is in PKCS#12 format; write a PEM file');
      const cut = localhostCertificate.slice(0, 300);
      expect(one({ 'c.pem': cut })).to.include('"c.pem" holds a certificate that is damaged');
      expect(one({ 'ca.pem': cut })).to.include('"ca.pem" holds a certificate that is damaged');
      expect(one({ 'k.pem': localhostKey.slice(0, 80) })).to.include('holds a private key that is damaged');
      expect(one({ 'k.pem': '' })).to.include('"k.pem" holds no private key');
    });

    it('what TLS refuses in files that can be parsed is a problem of the file, not of the start', () => {
      const tls = '{ cert: c.pem, key: k.pem }';
      const listener = `  - { name: a, listen: 127.0.0.1:6000, tls: ${tls}, routes: [{ name: r, cluster: greeter }] }`;
      const chain = `${localhostCertificate}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
      const [problem, ...others] = told({ listener }, { 'c.pem': chain, 'k.pem': localhostKey });
      expect(problem).to.match(/^listeners\[1\]\.tls\.cert: "c\.pem" .+; write /);
      expect(problem).not.to.include('error:');
      expect(others).to.deep.equal([]);
    });
  });

  describe('matches', () => {
    const match = (conditions: string): string[] => told({ route: `, match: { ${conditions} }` });

    it('ask for the path in one way', () => {
      expect(match('path: /a, pathPrefix: /b, grpc: { service: a.B }')).to.deep.equal([
        'listeners[0].routes[0].match.pathPrefix: path, pathPrefix and grpc each match the path; write one of them',
      ]);
      expect(match('pathPrefix: /a, grpc: {}, method: POST, authority: "*.a:80"')).to.deep.equal([]);
    });

    it('ask for a header in one way', () => {
      expect(match('headers: [{ name: a, exact: x, regex: y }]')).to.deep.equal([
        'listeners[0].routes[0].match.headers[0].regex: exact and regex each match the value; write one of them',
      ]);
      expect(
        match('headers: [{ name: a }, { name: b, exact: "" }, { name: c, present: false }]'),
      ).to.deep.equal([]);
    });

    it('hold no regular expression that could run for ever, nor one that is none', () => {
      for (const pattern of ['(a+)+\\\\1', '(?=a)b', '(', '[z-a]']) {
        const [path, header, ...more] = match(
          `pathRegex: "${pattern}", headers: [{ name: a, regex: "${pattern}" }]`,
        );
        expect(path, pattern).to.match(/^listeners\[0\]\.routes\[0\]\.match\.pathRegex: .* cannot be used: /);
        expect(header, pattern).to.match(/\.match\.headers\[0\]\.regex: .* cannot be used: /);
        expect(more).to.deep.equal([]);
      }
      expect(match('pathRegex: "/v[0-9]+/.*"')).to.deep.equal([]);
    });
  });

  describe('clusters', () => {
    const cluster = (keys: string): string[] => told({ cluster: `    ${keys}` });

    it('have endpoints or discovery', () => {
      expect(cluster('discovery: { dns: { host: a, port: 1 } }')).to.deep.equal([
        'clusters[0].discovery: a cluster has discovery or endpoints, not both; write one of them',
      ]);
      const none = minimal().replace('[{ address: 127.0.0.1:50051 }]', '[]');
      expect(problemsOf(none)).to.deep.equal([
        'f.yaml:8:16 clusters[0].endpoints: has no endpoint; write endpoints: [{ address: host:port }] or discovery',
      ]);
    });

    it('have no endpoint twice', () => {
      const twice = minimal().replace('50051 }]', '50051 }, { address: 127.0.0.1:50051 }]');
      expect(problemsOf(twice)).to.deep.equal([
        'f.yaml:8:58 clusters[0].endpoints[1].address: "127.0.0.1:50051" is in the list already, in line 8; write it once, with a weight for a larger share',
      ]);
    });

    it('are probed in one way, which their protocol can answer', () => {
      expect(cluster('health: { grpc: {}, tcp: {} }')).to.deep.equal([
        'clusters[0].health.tcp: grpc and tcp exclude each other; write one of them',
      ]);
      expect(cluster('health: { http: { path: /x } }')).to.deep.equal([
        'clusters[0].health.http: asks over HTTP/1.1, and this cluster is http2; write grpc: {} or tcp: {}',
      ]);
      expect(cluster('protocol: http1\n    health: { grpc: {} }')).to.deep.equal([
        'clusters[0].health.grpc: needs HTTP/2, and this cluster is http1; write http: { path: … } or tcp: {}',
      ]);
      expect(
        cluster('protocol: http1\n    health: { http: { path: /x, statuses: [200, 204] } }'),
      ).to.deep.equal([]);
    });

    it('are found in one way, with all that it needs', () => {
      const found = (discovery: string) =>
        problemsOf(`listeners:
  - { name: l, listen: 127.0.0.1:1, routes: [{ name: r, cluster: c }] }
clusters:
  - { name: c, discovery: ${discovery} }
`).map((line) => line.replace(/^f\.yaml:\d+:\d+ /, ''));
      expect(found('{ dns: { host: orders } }')).to.deep.equal([
        'clusters[0].discovery.dns.port: is missing; write the port of every endpoint, or type: srv',
      ]);
      expect(found('{ dns: { host: orders, type: srv, port: 1 } }')).to.deep.equal([
        'clusters[0].discovery.dns.port: comes from the SRV records; leave it out',
      ]);
      expect(found('{ dns: { host: _grpc._tcp.orders, type: srv } }')).to.deep.equal([]);
      expect(found('{ file: { path: a }, dns: { host: o, port: 1 } }')).to.deep.equal([
        'clusters[0].discovery.file: dns and file exclude each other; write one of them',
      ]);
      expect(found('{}')).to.deep.equal([
        'clusters[0].discovery: names no source of endpoints; write dns: { host: orders, port: 50051 }, file: { path: endpoints.yaml }, kubernetes: { service: orders, port: grpc } or xds: { service: orders }',
      ]);
      expect(found('{ file: { path: later.yaml } }')).to.deep.equal([]);
      expect(found('{ kubernetes: { service: orders, port: grpc, kubeconfig: later } }')).to.deep.equal([]);
      expect(found('{ kubernetes: { service: orders, namespace: shop, port: 50051 } }')).to.deep.equal([]);
      expect(found('{ kubernetes: { service: orders.shop, port: 0 } }')).to.deep.equal([
        'clusters[0].discovery.kubernetes.service: "orders.shop" is not a name of a Service; write the name of a Service without namespace, such as orders',
        'clusters[0].discovery.kubernetes.port: 0 is not a port; write a whole number from 1 to 65535',
      ]);
      expect(found('{ kubernetes: { service: orders, port: "50051" } }')).to.deep.equal([
        'clusters[0].discovery.kubernetes.port: "50051" is text; write 50051 without quotes',
      ]);
    });

    it('are probed no more often without traffic than with it', () => {
      expect(cluster('health: { noTrafficInterval: 1s }')).to.deep.equal([
        'clusters[0].health.noTrafficInterval: "1s" is shorter than interval; write 5s or more',
      ]);
    });

    it('eject for no longer than the longest ejection', () => {
      expect(cluster('outlier: { baseEjection: 10m }')).to.deep.equal([
        'clusters[0].outlier.baseEjection: "10m" is longer than maxEjection; write 5m or less',
      ]);
    });

    it('have a certificate with its key, from files that there are', () => {
      expect(cluster('tls: { cert: c.pem }')).to.have.members([
        'clusters[0].tls.cert: "c.pem" does not exist; write the path of a file that does',
        'clusters[0].tls.key: is missing; write the private key of cert',
      ]);
      expect(cluster('tls: {}')).to.deep.equal([]);
    });
  });

  describe('a control plane', () => {
    it('is named where there are settings for it', () => {
      const error = 'xds: names no control plane; write server: host:port, or bootstrap: FILE';
      expect(told({ more: 'xds: { node: { cluster: orders } }' })).to.deep.equal([error]);
      expect(told({ more: 'xds: { delta: true }' })).to.deep.equal([error]);
      expect(told({ more: 'xds: {}' })).to.deep.equal([]);
      expect(told({ more: 'xds: { server: "plane:18000", delta: true }' })).to.deep.equal([]);
    });

    it('has an address', () => {
      expect(told({ more: 'xds: { server: plane }' })).to.deep.equal([
        'xds.server: "plane" is not an address; write host:port, [::1]:port or unix:/path',
      ]);
    });
  });
});
