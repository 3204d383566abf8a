import { expect } from 'chai';
import { InternalErrors } from '../../../src/core/internal-errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { UdpOutcome } from '../../../src/udp/session.ts';
import { type FakeSocket, relayRig } from './relay-rig.ts';

const shown = ({ endpoint, datagramsFromClient, datagramsToClient, error, endedBy }: UdpOutcome): string =>
  `${endpoint.slice(-4)} ${datagramsFromClient}>${datagramsToClient} ${endedBy} ${error}`.trimEnd();

const sentBy = (sockets: readonly FakeSocket[]): string[][] => sockets.map(({ sent }) => [...sent]);

describe('udp/UdpRelay', () => {
  it('sends all datagrams of one address and port to one endpoint, and its replies back', () => {
    const { send, sockets, replies, relay, clock } = relayRig();
    send(1, 'x');
    send(2, 'y');
    send(1, 'z');
    send(1, 'w', '10.0.0.10');
    expect(sentBy(sockets)).to.deep.equal([['x', 'z'], ['y'], ['w']]);
    expect(sockets.map(({ endpoint }) => endpoint.name)).to.deep.equal(['a', 'b', 'a']);
    sockets[1].answer('reply');
    sockets[0].answer('one');
    sockets[0].answer('two');
    expect(replies).to.deep.equal(['2 reply', '1 one', '1 two']);
    const { sessions, requestDatagrams, requestBytes, responseDatagrams, responseBytes } = relay.counts;
    expect([sessions, requestDatagrams, requestBytes, responseDatagrams, responseBytes]).to.deep.equal([
      3, 4, 4, 3, 11,
    ]);
    relay.close();
    expect([relay.connections, relay.ended, clock.pending]).to.deep.equal([0, 3, 0]);
  });

  it('forwards an empty datagram, both ways', () => {
    const { send, socket, replies, relay } = relayRig();
    send(1, '');
    socket().answer('');
    expect([socket().sent, replies]).to.deep.equal([[''], ['1 ']]);
    expect([relay.counts.requestDatagrams, relay.counts.responseDatagrams]).to.deep.equal([1, 1]);
    relay.close();
  });

  it('ends a session when no datagram came for the idle timeout, in either direction', () => {
    const { send, socket, clock, outcomes, released, relay } = relayRig();
    send(1, 'x');
    clock.advance(50_000);
    socket().answer('late');
    clock.advance(59_999);
    expect(outcomes).to.deep.equal([]);
    clock.advance(1);
    expect(outcomes.map(shown)).to.deep.equal(['1000 1>1 outrigger']);
    expect(outcomes[0].detail).to.equal('idle for 60000 ms');
    expect(released).to.deep.equal(['a success']);
    expect([socket().closed, relay.connections, clock.pending]).to.deep.equal([true, 0, 0]);
  });

  it('does not blame an endpoint that sends nothing', () => {
    const { send, clock, released } = relayRig();
    send(1, 'log line');
    clock.advance(60_000);
    expect(released).to.deep.equal(['a neutral']);
  });

  it('ends a session as soon as all of its responses have arrived, where their number is known', () => {
    const { send, socket, outcomes, relay } = relayRig(['a'], { responses: 2 });
    send(1, 'x');
    socket().answer('1');
    send(1, 'y');
    socket().answer('2');
    socket().answer('3');
    expect(outcomes).to.deep.equal([]);
    socket().answer('4');
    expect(outcomes.map(shown)).to.deep.equal(['1000 2>4 upstream']);
    expect(relay.connections).to.equal(0);
  });

  it('drops datagrams of further clients at the limit, and serves those it has', () => {
    const { send, sockets, relay, clock } = relayRig(['a'], { sessionsMax: 2 });
    for (const port of [1, 2, 3, 1]) send(port, `of ${port}`);
    expect(sentBy(sockets)).to.deep.equal([['of 1', 'of 1'], ['of 2']]);
    expect(relay.counts.droppedFor('session_limit')).to.equal(1);
    clock.advance(60_000);
    send(3, 'again');
    expect(relay.connections).to.equal(1);
    relay.close();
  });

  it('begins no session while it drains, and serves those it has until they end', () => {
    const { send, sockets, replies, relay, clock } = relayRig();
    send(1, 'x');
    relay.drain();
    send(2, 'y');
    send(1, 'z');
    sockets[0].answer('reply');
    expect(sentBy(sockets)).to.deep.equal([['x', 'z']]);
    expect(replies).to.deep.equal(['1 reply']);
    expect(relay.counts.droppedFor('draining')).to.equal(1);
    clock.advance(60_000);
    expect(relay.connections).to.equal(0);
  });

  it('drops a datagram where there is no endpoint, and asks again with the next', () => {
    const { send, endpoints, outcomes, sockets, relay } = relayRig(['a']);
    endpoints[0].usable = false;
    send(1, 'x');
    expect(outcomes.map(shown)).to.deep.equal([' 0>0 outrigger no_healthy_endpoint']);
    expect([relay.counts.droppedFor('no_endpoint'), relay.connections]).to.deep.equal([1, 0]);
    endpoints[0].usable = true;
    send(1, 'y');
    expect(sentBy(sockets)).to.deep.equal([['y']]);
    relay.close();
  });

  it('drops a datagram where no socket is left, and does not blame the endpoint', () => {
    for (const result of [null, Object.assign(new Error('too many'), { code: 'EMFILE' })]) {
      const { send, relay, released, outcomes } = relayRig(['a'], {}, { connect: () => result });
      send(1, 'x');
      expect([relay.counts.droppedFor('open_files'), relay.connections]).to.deep.equal([1, 0]);
      expect(released).to.deep.equal(['a neutral overloaded']);
      expect(outcomes[0].error).to.equal('overloaded');
    }
  });

  it('drops a datagram whose socket does not take it, and counts it', () => {
    const { send, socket, relay } = relayRig(['a'], {}, { reply: () => false });
    send(1, 'x');
    socket().full = true;
    send(1, 'y');
    socket().answer('reply');
    expect(relay.counts.droppedFor('queue_full')).to.equal(2);
    expect([relay.counts.requestDatagrams, relay.counts.responseDatagrams]).to.deep.equal([1, 0]);
    relay.close();
  });

  describe('an endpoint that refuses', () => {
    it('is charged, and the datagram goes to another one', () => {
      const { send, sockets, replies, released, relay } = relayRig();
      send(1, 'x');
      sockets[0].fail('ECONNREFUSED');
      expect(sentBy(sockets)).to.deep.equal([['x'], ['x']]);
      expect(released).to.deep.equal(['a failure connect_failed']);
      sockets[1].answer('reply');
      expect(replies).to.deep.equal(['1 reply']);
      send(1, 'y');
      expect(sockets[1].sent).to.deep.equal(['x', 'y']);
      relay.close();
    });

    it('gets the datagram once where there is no other, and the next one again', () => {
      const { send, sockets, released, relay } = relayRig(['a']);
      send(1, 'x');
      sockets[0].fail('ECONNREFUSED');
      expect(sentBy(sockets)).to.deep.equal([['x']]);
      expect(relay.counts.droppedFor('endpoint_refused')).to.equal(1);
      send(1, 'y');
      expect(sentBy(sockets)).to.deep.equal([['x'], ['y']]);
      expect(released).to.deep.equal(['a failure connect_failed']);
      relay.close();
    });

    it('costs nothing but its own datagram where that was answered or is large', () => {
      const { send, sockets, relay } = relayRig();
      send(1, 'x');
      sockets[0].answer('reply');
      sockets[0].fail('ECONNREFUSED');
      send(1, 'y'.repeat(2049));
      expect(sockets[1].sent).to.have.length(1);
      sockets[1].fail('ECONNREFUSED');
      expect(sockets).to.have.length(2);
      expect(relay.counts.droppedFor('endpoint_refused')).to.equal(2);
      relay.close();
    });

    it('ends the session after three endpoints, and the next datagram begins another', () => {
      const { send, sockets, outcomes, relay } = relayRig(['a', 'b', 'c', 'd']);
      send(1, 'x');
      for (let i = 0; i < 3; i++) sockets[i].fail('ECONNREFUSED');
      expect(sockets).to.have.length(3);
      const last = outcomes[0].endpoint;
      expect(outcomes.map(shown)).to.deep.equal([`${last.slice(-4)} 1>0 outrigger connect_failed`]);
      expect(outcomes[0].detail).to.equal(`${last} refused a datagram: connection refused (ECONNREFUSED)`);
      expect(relay.counts.droppedFor('endpoint_refused')).to.equal(1);
      send(1, 'y');
      expect(sockets[3].sent).to.deep.equal(['y']);
      relay.close();
    });

    it('is not charged for what the system refuses to send', () => {
      const { send, socket, released, relay } = relayRig();
      send(1, 'x');
      for (const code of ['EMSGSIZE', 'EPERM', 'ENOBUFS']) socket().fail(code);
      expect(relay.counts.droppedFor('send_failed')).to.equal(3);
      expect([released, socket().closed]).to.deep.equal([[], false]);
      relay.close();
    });
  });

  describe('an endpoint that cannot be used any more', () => {
    it('loses its session with the next datagram; what it still sends reaches the client', () => {
      const { send, sockets, endpoints, replies, clock, outcomes, relay } = relayRig();
      send(1, 'x');
      endpoints[0].usable = false;
      send(1, 'y');
      sockets[0].answer('late');
      sockets[1].answer('reply');
      expect(sentBy(sockets)).to.deep.equal([['x'], ['y']]);
      expect(replies).to.deep.equal(['1 late', '1 reply']);
      expect([relay.connections, relay.counts.sessions]).to.deep.equal([2, 2]);
      clock.advance(5000);
      expect(sockets.map(({ closed }) => closed)).to.deep.equal([true, false]);
      expect(outcomes[0].detail).to.equal('the next datagram of the client went to another endpoint');
      send(1, 'z');
      expect(sockets[1].sent).to.deep.equal(['y', 'z']);
      relay.close();
      expect(relay.connections).to.equal(0);
    });

    it('keeps its session while there is no other', () => {
      const { send, sockets, endpoints, relay } = relayRig(['a']);
      send(1, 'x');
      endpoints[0].usable = false;
      send(1, 'y');
      expect(sentBy(sockets)).to.deep.equal([['x', 'y']]);
      relay.close();
    });

    it('is let go at once where there is no room for two sessions', () => {
      const { send, sockets, endpoints, relay } = relayRig(['a', 'b'], { sessionsMax: 1 });
      send(1, 'x');
      endpoints[0].usable = false;
      send(1, 'y');
      expect(sockets.map(({ closed }) => closed)).to.deep.equal([true, false]);
      expect(relay.connections).to.equal(1);
      relay.close();
    });
  });

  it('counts a bug of ours, and goes on', () => {
    const internalErrors = new InternalErrors(silentLogger);
    let broken = true;
    const { send, replies, socket, relay } = relayRig(
      ['a'],
      {},
      {
        internalErrors,
        reply(bytes) {
          if (broken) throw new Error('a bug');
          replies.push(String(bytes));
          return true;
        },
      },
    );
    send(1, 'x');
    socket().answer('lost');
    expect([internalErrors.count('udp'), relay.counts.droppedFor('internal_error')]).to.deep.equal([1, 1]);
    broken = false;
    socket().answer('kept');
    expect(replies).to.deep.equal(['kept']);
    relay.close();
  });

  it('ends every session when it closes, without an error', () => {
    const { send, sockets, outcomes, leased, relay } = relayRig();
    send(1, 'x');
    send(2, 'y');
    relay.close();
    send(3, 'z');
    expect(outcomes.map(({ error, detail }) => `${error}${detail}`)).to.deep.equal([
      'the sidecar shut down',
      'the sidecar shut down',
    ]);
    expect(sockets.every(({ closed }) => closed)).to.equal(true);
    expect([...leased.values()]).to.deep.equal([0, 0]);
  });
});
