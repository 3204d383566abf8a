import { parseArgs } from 'node:util';
import { type SidecarProgram, startSidecarProgram } from '../../support/sidecar.ts';
import { type CaseEnding, installKosoku, runCases, startEcho } from './kosoku.ts';

/**
 * Runs Autobahn's cases for WebSocket servers, by kosoku, against a server directly and through sidecars, and compares: each case
 * ends through them as it ends without them. Prints `N passed, N failed`; exit code 1 where a case ends worse.
 *
 *   node test/conformance/websocket/main.ts [--install] [--include GLOB]…
 *
 * `--install` only installs kosoku and the server. Without it a run is skipped with a line that says so; in CI (`CI=true`) that is a
 * failure.
 */
const { values } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    include: { type: 'string', multiple: true, default: [] },
  },
});

/** Framing, control frames, fragments, UTF-8, closing, and large messages. */
const framing = ['1.*', '2.*', '3.*', '4.*', '5.*', '6.*', '7.*', '10.*'];
const large = ['9.*'];
/** Compression. Each group sends the same messages with other settings: of each a thousand of 16 bytes and of 4 KiB, of two of 64 KiB too. */
const groups = [
  '12.1',
  '12.2',
  '12.3',
  '12.4',
  '12.5',
  '13.1',
  '13.2',
  '13.3',
  '13.4',
  '13.5',
  '13.6',
  '13.7',
];
const compression = [...groups.flatMap((group) => [`${group}.1`, `${group}.5`]), '12.1.9', '13.1.9'];

const chosen = values.include.length > 0 ? values.include : [...framing, ...large, ...compression];
const runWithinMs = 150_000;

const better: readonly string[] = ['FAILED', 'WRONG CODE', 'UNCLEAN', 'NON-STRICT', 'INFORMATIONAL', 'OK'];

/** Did the case end worse than it ends without a sidecar? */
function isWorse(through: CaseEnding | undefined, direct: CaseEnding): boolean {
  if (through === undefined) return true;
  return (
    better.indexOf(through.behavior) < better.indexOf(direct.behavior) ||
    better.indexOf(through.behaviorClose) < better.indexOf(direct.behaviorClose)
  );
}

interface Way {
  readonly name: string;
  readonly address: string;
  stop(): Promise<unknown>;
}

async function sidecarTo(address: string, protocol: 'http1' | 'http2') {
  const cluster = { name: 'echo', protocol, health: 'none', endpoints: [{ address }] };
  return startSidecarProgram({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'echo' }] }],
    clusters: [cluster],
  });
}

function stop(sidecar: SidecarProgram): Promise<number> {
  sidecar.signal('SIGTERM');
  return sidecar.exit;
}

/** A sidecar; and two of them that speak HTTP/2 with each other (RFC 8441), since kosoku and its server do not. */
async function startWays(echo: string): Promise<Way[]> {
  const http1 = await sidecarTo(echo, 'http1');
  const second = await sidecarTo(echo, 'http1');
  const first = await sidecarTo(second.target, 'http2');
  return [
    { name: 'through a sidecar', address: http1.target, stop: () => stop(http1) },
    {
      name: 'through two sidecars, with HTTP/2 between them',
      address: first.target,
      stop: () => Promise.all([stop(first), stop(second)]),
    },
  ];
}

/**
 * Cases that end worse than directly. One that is merely NON-STRICT runs again, twice at most: the server of such a case fails the
 * connection before it has answered the frames in front of the wrong one if it reads them together, and TCP keeps no boundaries.
 */
async function stillWorse(
  bin: string,
  way: Way,
  direct: ReadonlyMap<string, CaseEnding>,
  through: ReadonlyMap<string, CaseEnding>,
): Promise<Array<[string, CaseEnding]>> {
  const worseIn = (endings: ReadonlyMap<string, CaseEnding>, ids: ReadonlyArray<[string, CaseEnding]>) =>
    ids.filter(([id, ending]) => isWorse(endings.get(id), ending));
  let worse = worseIn(through, [...direct]);
  const lax = new Set(worse.map(([id]) => id).filter((id) => through.get(id)?.behavior === 'NON-STRICT'));
  for (let run = 0; run < 2 && worse.some(([id]) => lax.has(id)); run++) {
    const ids = worse.map(([id]) => id).filter((id) => lax.has(id));
    const again = await runCases(bin, way.address, ids, runWithinMs);
    worse = worse.filter(([id, ending]) => !lax.has(id) || isWorse(again.get(id), ending));
  }
  return worse;
}

async function compare(bin: string): Promise<{ passed: number; failed: number }> {
  const echo = await startEcho(bin);
  const direct = await runCases(bin, echo, chosen, runWithinMs);
  const fine = [...direct.values()].filter(({ behavior }) => behavior !== 'FAILED').length;
  console.log(`directly: ${fine} of ${direct.size} cases passed`);
  const sum = { passed: 0, failed: 0 };
  for (const way of await startWays(echo)) {
    const through = await runCases(bin, way.address, chosen, runWithinMs);
    const worse = await stillWorse(bin, way, direct, through);
    for (const [id, ending] of worse)
      console.log(
        `${id}, ${way.name}: ${JSON.stringify(through.get(id))}; without sidecars: ${JSON.stringify(ending)}`,
      );
    console.log(`${way.name}: ${direct.size - worse.length} of ${direct.size} cases end as they do directly`);
    sum.passed += direct.size - worse.length;
    sum.failed += worse.length;
    await way.stop();
  }
  return sum;
}

const installed = installKosoku();
if (installed.missing !== undefined) {
  const failed = process.env.CI === 'true' ? 1 : 0;
  console.log(`${installed.missing}\n0 passed, ${failed} failed`);
  process.exit(failed);
}
const { passed, failed } = values.install ? { passed: 1, failed: 0 } : await compare(installed.bin);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
