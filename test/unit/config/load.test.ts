import { expect } from 'chai';
import fc from 'fast-check';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { fileOfConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/table.ts';
import { problemsMax } from '../../../src/schema/problem.ts';
import { configOf, loadText, minimal, problemsOf, warningsOf } from './support.ts';

describe('config/load', () => {
  describe('a file', () => {
    it('gets every default, with units last in names', () => {
      const config = configOf(minimal());
      const [listener] = config.listeners;
      const [cluster] = config.clusters;
      expect(config.admin.listen).to.deep.equal({ kind: 'tcp', host: '127.0.0.1', port: 15000 });
      expect(config.drain).to.deep.equal({
        graceMs: 10_000,
        delayMs: 5_000,
        goawayDelayMs: 1000,
        handoverMs: undefined,
      });
      expect(listener.limits.headerListBytes).to.equal(61_440);
      expect(listener.limits.idleTimeoutMs).to.equal(3_600_000);
      expect(listener.routes[0].timeoutMs).to.equal(undefined);
      expect(listener.tls).to.equal(undefined);
      expect(cluster.balancer).to.deep.equal({
        ...defaultBalancerSettings,
        boundedLoad: undefined,
        sticky: undefined,
        slowStart: undefined,
      });
      expect(cluster.endpoints).to.deep.equal([
        { address: { kind: 'tcp', host: '127.0.0.1', port: 50051 }, weight: 1, zone: '', priority: 0 },
      ]);
      expect(config.telemetry.accessLog).to.deep.equal({ format: 'json', to: { kind: 'none' }, sample: 1 });
    });

    it('may be JSON', () => {
      const listeners = [
        { name: 'l', listen: '[::1]:1', routes: [{ name: 'r', cluster: 'c', timeout: '1.5s' }] },
      ];
      const clusters = [{ name: 'c', discovery: { dns: { host: 'orders', port: 50051 } } }];
      const config = configOf(JSON.stringify({ listeners, clusters }));
      expect(config.listeners[0].routes[0].timeoutMs).to.equal(1500);
      expect(config.clusters[0].discovery).to.deep.equal({
        dns: { host: 'orders', port: 50051, type: 'address', family: 'auto' },
        file: undefined,
        kubernetes: undefined,
        xds: undefined,
      });
    });

    it('is frozen all the way down once it is loaded', () => {
      const config = configOf(minimal());
      const attempt = (): void => {
        (config.clusters[0].endpoints[0].address as { host: string }).host = 'elsewhere';
      };
      expect(attempt).to.throw(TypeError);
    });

    it('has its defaults written out by fileOfConfig, which reads back as the same', () => {
      const config = configOf(
        minimal({
          route: ', timeout: 2s, match: { grpc: { service: a.B }, headers: [{ name: x, exact: "" }] }',
          cluster: '    health: { tcp: , noTrafficInterval: 90s }\n    outlier: none',
          more: 'telemetry: { accessLog: { to: "file:/tmp/x" }, traces: { otlp: { endpoint: "http://a:4318" } } }',
        }),
      );
      const file = fileOfConfig(config);
      expect(configOf(JSON.stringify(file))).to.deep.equal(config);
      expect(JSON.stringify(file)).to.include('"timeout":"2s"').and.to.include('"address":"127.0.0.1:50051"');
    });

    it('that is not there, empty, too large or no text is reported as a whole', () => {
      expect(problemsOf(undefined, { flags: { config: 'gone.yaml' } })).to.deep.equal([
        'gone.yaml: does not exist; write the path of a file that does',
      ]);
      expect(problemsOf(' \n')).to.deep.equal(['f.yaml: is empty; write listeners and clusters']);
      expect(problemsOf('# nothing yet\n')).to.deep.equal([
        'f.yaml:1:1 listeners: is missing; write at least one listener',
        'f.yaml:1:1 clusters: is missing; write at least one cluster',
      ]);
    });

    it('is refused as a whole for one problem: nothing is half-applied', () => {
      const { config, problems } = loadText(minimal({ more: 'drain: { grace: 5 }' }));
      expect(config).to.equal(undefined);
      expect(problems).to.deep.equal([
        {
          file: 'f.yaml',
          line: 10,
          column: 17,
          path: 'drain.grace',
          message: '5 has no unit; write 5s or 5ms',
        },
      ]);
    });

    it('with more problems than anybody reads lists the first and counts the others', () => {
      const keys = Array.from({ length: problemsMax + 7 }, (_, i) => `k${i}: 1`).join('\n');
      const problems = problemsOf(minimal({ more: keys }));
      expect(problems).to.have.length(problemsMax + 1);
      expect(problems[problemsMax]).to.equal('f.yaml: has 7 more problems; fix these first');
    });
  });

  describe('health', () => {
    const healthOf = (cluster: string): Config['clusters'][number]['health'] =>
      configOf(minimal({ cluster })).clusters[0].health;

    it('is asked by gRPC of a cluster that speaks HTTP/2, unless configured otherwise', () => {
      expect(healthOf('')).to.deep.include({
        grpc: { service: '', mode: 'check', authority: undefined, metadata: undefined },
        http: undefined,
        tcp: undefined,
        intervalMs: 5000,
      });
      expect(healthOf('    health: { tcp: {} }')).to.deep.include({ grpc: undefined, tcp: {} });
    });

    it('is asked by a connection of the others', () => {
      expect(healthOf('    protocol: http1')).to.deep.include({ grpc: undefined, tcp: {} });
    });

    it('is not asked of UDP, unless configured otherwise', () => {
      const shape = (health: string): string =>
        `listeners: [{ name: in, listen: 127.0.0.1:1, protocol: udp, cluster: c }]
clusters: [{ name: c, protocol: udp, endpoints: [{ address: 127.0.0.1:2 }]${health} }]`;
      expect(configOf(shape('')).clusters[0].health).to.equal('none');
      expect(configOf(shape(', health: { tcp: {} }')).clusters[0].health).to.deep.include({ tcp: {} });
    });

    it('is not asked with none', () => expect(healthOf('    health: none')).to.equal('none'));
  });

  describe('precedence', () => {
    const text = minimal({ more: 'log: { level: warn }' });
    const levelOf = (flag?: string, variable?: string, file?: string): string =>
      configOf(file ?? minimal(), {
        flags: { settings: flag === undefined ? {} : { 'log-level': flag } },
        env: variable === undefined ? {} : { OUTRIGGER_LOG_LEVEL: variable },
      }).log.level;

    it('is flag, environment, file, default', () => {
      expect(levelOf('debug', 'error', text)).to.equal('debug');
      expect(levelOf(undefined, 'error', text)).to.equal('error');
      expect(levelOf(undefined, undefined, text)).to.equal('warn');
      expect(levelOf()).to.equal('info');
      expect(levelOf(undefined, '', text)).to.equal('warn');
    });

    it('leaves an error of the file an error, though a variable overrides the value', () => {
      const problems = problemsOf(minimal({ more: 'log: { level: loud }' }), {
        env: { OUTRIGGER_LOG_LEVEL: 'warn' },
      });
      expect(problems).to.deep.equal([
        'f.yaml:10:15 log.level: "loud" is not known; write debug, info, warn or error',
      ]);
    });

    it('is where a rule points at what it set, with a file and without one', () => {
      const settings = { 'access-log': 'file:/nope/of/these/x.log' };
      const said = '"file:/nope/of/these/x.log": the folder "/nope/of/these" does not exist';
      const targets = { from: '127.0.0.1:15001', to: ['127.0.0.1:50051'] };
      for (const problems of [
        problemsOf(minimal(), { flags: { settings } }),
        problemsOf(undefined, { flags: { ...targets, settings } }),
      ])
        expect(problems.join())
          .to.match(/^--access-log: /)
          .and.to.include(said);
      const env = { OUTRIGGER_ACCESS_LOG: settings['access-log'] };
      expect(problemsOf(minimal(), { env }).join()).to.match(/^OUTRIGGER_ACCESS_LOG: /);
    });

    it('holds for every kind of setting', () => {
      const env = {
        OUTRIGGER_ADMIN: 'unix:/run/admin.sock',
        OUTRIGGER_DRAIN_GRACE: '3s',
        OUTRIGGER_TELEMETRY_METRICS_PROMETHEUS: 'false',
        OUTRIGGER_TELEMETRY_METRICS_MAX_METHODS: '7',
        OUTRIGGER_TELEMETRY_TRACES_PROPAGATORS: 'tracecontext',
        OUTRIGGER_TELEMETRY_TRACES_RATIO: '0.25',
        OUTRIGGER_SERVICE_NAME: '0x10',
      };
      const config = configOf(minimal(), { env, flags: { settings: { 'access-log': 'stdout' } } });
      expect(config.admin.listen).to.deep.equal({ kind: 'unix', path: '/run/admin.sock' });
      expect(config.drain.graceMs).to.equal(3000);
      expect(config.telemetry.metrics).to.deep.include({ prometheus: false, maxMethods: 7 });
      expect(config.telemetry.traces).to.deep.include({ propagators: ['tracecontext'], ratio: 0.25 });
      expect(config.telemetry.serviceName).to.equal('0x10');
      expect(config.telemetry.accessLog.to).to.deep.equal({ kind: 'stdout' });
    });

    it('reports a wrong flag and variable by their names', () => {
      const flags = { settings: { admin: '15000', 'log-level': 'loud' } };
      const env = { OUTRIGGER_DRAIN_GRACE: '10', OUTRIGGER_TELEMETRY_METRICS_OTLP: 'yes' };
      expect(problemsOf(minimal(), { flags, env })).to.have.members([
        '--admin: "15000" is only a port; write host:port, 127.0.0.1:15000 for this machine or 0.0.0.0:15000 for every interface',
        '--log-level: "loud" is not known; write debug, info, warn or error',
        'OUTRIGGER_DRAIN_GRACE: "10" has no unit; write 10s or 10ms',
        'OUTRIGGER_TELEMETRY_METRICS_OTLP: "yes" is neither true nor false; write true or false',
      ]);
    });

    it('reports what a rule finds wrong by the name of the flag or variable that set it', () => {
      const wrong = (to: string) =>
        `: "${to}": the folder "/no/such" does not exist; create it, or write a path in one that exists`;
      const to = 'file:/no/such/log';
      const targets = { from: '127.0.0.1:1', to: ['127.0.0.1:2'] };
      const flags = { ...targets, settings: { 'access-log': to } };
      expect(problemsOf(undefined, { flags })).to.deep.equal([`--access-log${wrong(to)}`]);
      const env = { OUTRIGGER_ACCESS_LOG: to };
      expect(problemsOf(minimal(), { env })).to.deep.equal([`OUTRIGGER_ACCESS_LOG${wrong(to)}`]);
    });

    it('shows no secret of a URL in the place of a file or a target', () => {
      const config = 'https://u:hunter2@h/c.yaml?token=hunter2';
      expect(problemsOf(undefined, { flags: { config } })).to.deep.equal([
        '--config: "https://•••@h/c.yaml?•••" is a URL; write the path of a file',
      ]);
      const targets = { from: '127.0.0.1:1', to: ['dns:///u:hunter2@h:1'] };
      expect(problemsOf(undefined, { flags: targets })).to.deep.equal([
        '--to: "dns:///•••@h:1" is not a DNS target; write dns:///host:port',
      ]);
    });

    it('a flag that says what to run beats a variable that says something else', () => {
      const targets = { from: '127.0.0.1:1', to: ['127.0.0.1:2'] };
      const env = { OUTRIGGER_CONFIG: 'gone.yaml' };
      expect(configOf(undefined, { flags: targets, env }).listeners[0].name).to.equal('outbound');
      const other = { OUTRIGGER_FROM: '127.0.0.1:1', OUTRIGGER_TO: '127.0.0.1:2' };
      expect(configOf(minimal(), { env: other }).clusters[0].name).to.equal('greeter');
    });

    it('a file and targets at once exclude each other', () => {
      expect(problemsOf(minimal(), { flags: { to: ['127.0.0.1:2'] } })).to.deep.equal([
        '--config: a run has a file or --from and --to, not both; write one of them',
      ]);
    });
  });

  it('warns of a cluster that nothing uses and of a route that nothing reaches', () => {
    const unused = '  - { name: spare, endpoints: [{ address: 127.0.0.1:50052 }] }';
    const route = ' }, { name: late, cluster: greeter, match: { path: /late }';
    expect(warningsOf(minimal({ route, cluster: unused }))).to.deep.equal([
      'f.yaml:4:47 listeners[0].routes[1]: no call gets here: "all" before it takes every call; move that one last',
      'f.yaml:9:13 clusters[1].name: "spare" is used by no listener',
    ]);
  });

  describe('whatever it is given', () => {
    const whole = (text: string): void => {
      const { config, problems } = loadText(text);
      expect((config === undefined) !== (problems === undefined)).to.equal(true);
      for (const problem of problems ?? []) expect(problem.message).to.be.a('string').that.is.not.empty;
    };

    it('does not throw: any text', () => {
      fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), whole));
    });

    it('does not throw: any JSON', () => {
      fc.assert(fc.property(fc.json(), whole));
    });

    it('does not throw: pieces of YAML and of our own words in any order', () => {
      const words = [
        'listeners',
        'clusters',
        'name',
        'health',
        'none',
        '__proto__',
        'constructor',
        'toString',
        'match',
      ];
      const pieces = [
        '\n',
        '\n  ',
        '\n    - ',
        ': ',
        '{ ',
        ' }',
        '[',
        ']',
        ', ',
        '&a ',
        '*a',
        '"',
        '1',
        '~',
        '|',
        '? ',
      ];
      const piece = fc.constantFrom(...words, ...pieces);
      fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (parts) => whole(parts.join(''))));
    });

    it('does not throw: a good file with any value in any place', () => {
      const good: unknown = JSON.parse(JSON.stringify(fileOfConfig(configOf(minimal()))));
      const paths = pathsOf(good);
      fc.assert(
        fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
          whole(JSON.stringify(replaced(good, path, value)));
        }),
      );
    });
  });
});

type Path = readonly (string | number)[];

/** Every place in a value. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys: (string | number)[] = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return [path, ...keys.flatMap((key) => pathsOf((value as Record<string, unknown>)[key], [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = replaced((value as Record<string, unknown>)[key], rest, by);
  return copy;
}
