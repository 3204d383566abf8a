import { expect } from 'chai';
import { data, headers, postHead, Scripted } from './support.ts';

describe('http2 many requests in one read', () => {
  const requests = Array.from({ length: 10 }, (_, i) => [
    headers(2 * i + 1, postHead, false),
    data(2 * i + 1, 'hello', true),
  ]).flat();
  const read = Buffer.concat(requests);

  it('are begun up to the limit; the rest is to be given again, and nothing is lost', () => {
    const server = new Scripted('server', { streamsPerTurnMax: 4 });
    const begun: number[] = [];
    for (let at = 0; at < read.length; ) {
      const before = server.requests.length;
      at = server.connection.receive(read, at, read.length, 0);
      begun.push(server.requests.length - before);
    }
    expect(begun).to.deep.equal([4, 4, 2]);
    for (const { recorder } of server.requests) expect(recorder.body.toString()).to.equal('hello');
  });

  it('are begun all at once without a limit', () => {
    const server = new Scripted('server');
    expect(server.connection.receive(read, 0, read.length, 0)).to.equal(read.length);
    expect(server.requests).to.have.length(10);
  });
});
