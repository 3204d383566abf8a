import { expect } from 'chai';
import type { SentResource } from '../../../../src/core/sent-resource.ts';
import { SentHistory, type Source } from '../../../../src/runtime/control-plane/sent-history.ts';

function resource(kind: string, version: number): SentResource {
  return { kind, type: `type.googleapis.com/${kind}`, name: `my ${kind}`, version: String(version) };
}

function cluster(version: number): Source {
  const resources = [resource('cluster', version)];
  return { object: 'cluster', name: 'c', resources, service: 'my endpoint' };
}

const versionsAt = (history: SentHistory, atMs: number): string[] =>
  history.at('none', ['c'], atMs).map(({ kind, version }) => `${kind} ${version}`);

describe('runtime/control-plane/sent-history', () => {
  it('gives the versions that held at a moment', () => {
    const history = new SentHistory();
    history.apply([cluster(1)], 100);
    history.assign(resource('endpoint', 7), 150);
    history.apply([cluster(2)], 200);
    expect(versionsAt(history, 99)).to.deep.equal([]);
    expect(versionsAt(history, 149)).to.deep.equal(['cluster 1']);
    expect(versionsAt(history, 199)).to.deep.equal(['cluster 1', 'endpoint 7']);
    expect(versionsAt(history, 200)).to.deep.equal(['cluster 2', 'endpoint 7']);
  });

  it('forgets what is gone, and more than eight versions', () => {
    const history = new SentHistory();
    for (let version = 1; version <= 10; version++) history.apply([cluster(version)], version);
    expect(versionsAt(history, 2)).to.deep.equal([]);
    expect(versionsAt(history, 3)).to.deep.equal(['cluster 3']);
    history.apply([], 20);
    expect(versionsAt(history, 30)).to.deep.equal([]);
    expect(history.objects()).to.deep.equal([]);
  });
});
