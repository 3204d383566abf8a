import { expect } from 'chai';
import { formatAddress, parseAddress } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import type { Logger } from '../../../src/core/logger.ts';
import type { Result } from '../../../src/core/result.ts';
import { type EndpointFile, FileSource } from '../../../src/discovery/file.ts';
import { type DiscoveryRig, discoveryContract } from '../../contract/discovery.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const spec = (text: string, weight = 1): EndpointSpec => ({
  address: parseAddress(text).value!,
  weight,
  zone: '',
  priority: 0,
});

/** A file that the test writes. */
class FakeFile implements EndpointFile {
  readonly path = 'endpoints.yaml';
  reads = 0;
  hangs = false;
  /** Ends a look that hangs. */
  late = () => {};
  private version = 0;
  private content: Result<readonly EndpointSpec[]> = { error: 'endpoints.yaml is empty' };
  missing = true;

  write(...addresses: string[]): void {
    this.put({ value: addresses.map((address) => spec(address)) });
  }
  put(content: Result<readonly EndpointSpec[]>): void {
    this.version++;
    this.content = content;
    this.missing = false;
  }
  signature(): Promise<Result<string>> {
    if (this.hangs)
      return new Promise((resolve) => {
        this.late = () => resolve({ error: 'is of yesterday' });
      });
    return Promise.resolve(this.missing ? { error: 'does not exist' } : { value: String(this.version) });
  }
  read(): Result<readonly EndpointSpec[]> {
    this.reads++;
    return this.content;
  }
}

function setUp() {
  const clock = new VirtualClock();
  const file = new FakeFile();
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const logger: Logger = { debug: line, info: line, warn: line, error: line };
  const source = new FileSource(file, 1000, { clock, logger });
  const published: string[][] = [];
  const advance = async (ms: number, stepMs = 50) => {
    await turn();
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await turn();
    }
  };
  const start = async () => {
    source.start((list) => published.push(list.map((e) => formatAddress(e.address))));
    await turn();
  };
  return { clock, file, lines, source, published, advance, start };
}

discoveryContract({
  name: 'a file',
  make(): DiscoveryRig {
    const { clock, file, source, advance } = setUp();
    file.write('10.0.0.1:80', '10.0.0.2:80', '10.0.0.1:80');
    return {
      clock,
      source,
      first: ['10.0.0.1:80', '10.0.0.2:80'],
      settle: () => advance(1200),
      change() {
        file.write('10.0.0.3:80');
        return ['10.0.0.3:80'];
      },
      fail() {
        file.missing = true;
      },
      empty() {
        file.put({ error: 'endpoints.yaml:1:1 endpoints: has no endpoint; write one' });
      },
    };
  },
});

describe('FileSource', () => {
  it('reads the file only when it has changed', async () => {
    const { file, source, advance, start } = setUp();
    file.write('10.0.0.1:80');
    await start();
    await advance(10_000);
    expect(file.reads).to.equal(1);
    file.write('10.0.0.1:80');
    await advance(10_000);
    expect(file.reads).to.equal(2);
    source.stop();
  });

  it('does not read what is still being written', async () => {
    const { file, published, source, advance, start } = setUp();
    file.write('10.0.0.1:80', '10.0.0.2:80');
    await start();
    for (let i = 0; i < 30; i++) {
      file.write('10.0.0.1:80'); // so far
      await advance(50);
    }
    expect(published).to.have.length(1);
    file.write('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80');
    await advance(1200);
    expect(published.slice(1)).to.deep.equal([['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']]);
    source.stop();
  });

  it('says once what is wrong, and when it is valid again; a change of weight is a change', async () => {
    const { file, lines, published, source, advance, start } = setUp();
    await start();
    await advance(5000);
    file.write('10.0.0.1:80');
    await advance(1200);
    file.put({ error: 'endpoints.yaml:2:5 endpoints[0].address: "x" has no port; write host:port' });
    await advance(5000);
    file.put({ value: [spec('10.0.0.1:80', 3)] });
    await advance(1200);
    expect(lines).to.deep.equal([
      'endpoints.yaml does not exist; there is no endpoint until it can be read',
      'file endpoints.yaml is valid again',
      'endpoints.yaml:2:5 endpoints[0].address: "x" has no port; write host:port; keeping the last 1 endpoint',
      'file endpoints.yaml is valid again',
    ]);
    expect(published).to.have.length(2);
    source.stop();
  });

  it('gives up a check that hangs, and checks again', async () => {
    const { file, published, source, advance, start } = setUp();
    file.hangs = true;
    file.write('10.0.0.1:80');
    await start();
    await advance(10_000);
    expect(source.status.lastError).to.equal('endpoints.yaml cannot be read within 10 s');
    file.hangs = false;
    await advance(1000);
    expect(published).to.deep.equal([['10.0.0.1:80']]);
    file.late();
    await advance(50);
    expect(source.status.lastError, 'what comes too late counts for nothing').to.equal('');
    source.stop();
  });

  it('reads a file that was gone and looks as before', async () => {
    const { file, source, advance, start } = setUp();
    file.write('10.0.0.1:80');
    await start();
    file.missing = true;
    await advance(1200);
    expect(source.status.lastError).to.equal('endpoints.yaml does not exist');
    file.missing = false;
    await advance(1200);
    expect([source.status.lastError, file.reads]).to.deep.equal(['', 2]);
    source.stop();
  });
});
